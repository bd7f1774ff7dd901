"""The project's own source as the architecture tests see it: modules and what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("compiler", "runtime", "grammar", "specs")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. `eager` is whether it is imported when the importer is; an import
    inside a function, or for type checkers only, is not."""

    target: str
    line: int
    eager: bool
    typing_only: bool


@dataclass(frozen=True, eq=False)
class Module:
    name: str  # dlc.compiler.source
    path: Path
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


@cache
def modules() -> dict[str, Module]:
    """Every module under the packages, by its import name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(("dlc", *(parts[:-1] if parts[-1] == "__init__" else parts)))
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text, str(path))
            found[name] = Module(name, path, text, tree, tuple(_imports(tree.body, True, False)))
    names = set(found)
    return {name: _resolved(module, names) for name, module in found.items()}


def _imports(body: list[ast.stmt], eager: bool, typing_only: bool) -> Iterator[Import]:
    for node in body:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(alias.name, node.lineno, eager, typing_only)
            case ast.ImportFrom():
                for alias in node.names:
                    target = f"{node.module or ''}.{alias.name}"
                    yield Import("." * node.level + target, node.lineno, eager, typing_only)
            case ast.If() if _is_type_checking(node.test):
                yield from _imports(node.body, False, True)
                yield from _imports(node.orelse, eager, typing_only)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _imports(node.body, False, typing_only)
            case _:
                for block in ("body", "orelse", "finalbody"):
                    yield from _imports(getattr(node, block, []), eager, typing_only)
                for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                    yield from _imports(inner.body, eager, typing_only)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _resolved(module: Module, names: set[str]) -> Module:
    """`from dlc.compiler.source import Span` imports the module, not a module called Span."""
    imports = tuple(
        Import(
            i.target if i.target in names else _parent(i.target, names),
            i.line,
            i.eager,
            i.typing_only,
        )
        for i in module.imports
    )
    return Module(module.name, module.path, module.text, module.tree, imports)


def _parent(target: str, names: set[str]) -> str:
    parent = target.rpartition(".")[0]
    return parent if parent in names else target


def area(name: str) -> str:
    """The part of the house a module belongs to: `compiler.syntax`, `runtime.data`."""
    parts = name.split(".")[1:]
    return ".".join(parts[:2])
