"""Who may import whom. The order of the phases is the order of the imports."""

from __future__ import annotations

import ast

import pytest
from source_tree import Import, Module, area, modules

# For each part of the compiler, the parts it may import. What is not listed is forbidden.
_TEXT = {"source", "diagnostics"}
_GRAPH = {"ir", "components", "ops"}
_MIDDLE = _TEXT | _GRAPH | {"syntax", "semantics"}
MAY_IMPORT = {
    "version": set(),
    "record": set(),
    "source": set(),
    "diagnostics": {"source", "version"},
    "syntax": _TEXT,
    "ir": {"source"},
    "components": {"ir", "diagnostics"},
    "ops": {"ir", "components"},
    "analysis": _TEXT | _GRAPH,
    "drawing": _TEXT | _GRAPH,
    "passes": _TEXT | _GRAPH | {"codegen"},
    "codegen": _TEXT | _GRAPH | {"analysis", "compilation", "version"},
    "semantics": _TEXT | _GRAPH | {"syntax"},
    "lowering": _MIDDLE | {"analysis"},
    "compilation": _MIDDLE,
    "transfer": _MIDDLE | {"compilation"},
    "members": _MIDDLE | {"compilation"},
    "lints": _MIDDLE | {"analysis", "compilation"},
    "data_lints": _MIDDLE | {"analysis", "compilation", "lints"},
    "schema_definitions": _MIDDLE,
    "schema": _MIDDLE | {"schema_definitions"},
    "reference": _MIDDLE | {"schema"},
}
ABOVE = {"driver", "cli", ""}  # these see every part below them

# The runtime sees what the compiler gives, never the phases that make it.
RUNTIME_SEES = {
    "",
    "compilation",
    "record",
    "version",
    "source",
    "diagnostics",
    "ir",
    "passes",
    "components",
    "ops",
    "codegen",
    "drawing",
    "transfer",
    "analysis",
    "data_lints",
}
OUTSIDE = {"torch", "torchvision", "numpy", "onnx", "onnxruntime", "pyarrow", "safetensors"}
# Loaded on use only: each costs more than checking a small spec.
SLOW = {"jsonschema", "rich", "ruamel", "importlib.metadata", "inspect", "asyncio", "unittest"}


# Run by hand when the grammar or a component changes; what they write is compared in the tests.
WRITE_WHAT_IS_SHIPPED = {"dlc.compiler.syntax.table", "dlc.compiler.reference"}


def part(name: str) -> str:
    """`syntax` of `dlc.compiler.syntax.tree`; empty for the facade."""
    return area(name).partition(".")[2]


def ours(module: Module) -> list[Import]:
    return [i for i in module.imports if i.target == "dlc" or i.target.startswith("dlc.")]


COMPILER = [name for name in modules() if name.startswith("dlc.compiler")]
RUNTIME = [name for name in modules() if name.startswith("dlc.runtime")]


@pytest.mark.parametrize("name", COMPILER)
def test_a_part_of_the_compiler_imports_only_what_lies_below_it(name: str) -> None:
    here = part(name)
    if here in ABOVE:
        return
    assert here in MAY_IMPORT, f"`{here}` is new: say in MAY_IMPORT what it may import"
    allowed = MAY_IMPORT[here] | {"record"}  # the plain way to write a frozen class
    for i in ours(modules()[name]):
        there = part(i.target)
        if i.target.startswith("dlc.grammar") and here == "syntax":
            continue
        assert i.target.startswith("dlc.compiler"), f"line {i.line} imports {i.target}"
        assert there == here or there in allowed, f"line {i.line} imports {i.target}"


@pytest.mark.parametrize("name", COMPILER)
def test_the_compiler_touches_no_tensors_and_not_the_runtime(name: str) -> None:
    for i in modules()[name].imports:
        first = i.target.partition(".")[0]
        assert first not in OUTSIDE, f"line {i.line} imports {i.target}"
        assert not i.target.startswith("dlc.runtime"), f"line {i.line} imports {i.target}"


@pytest.mark.parametrize("name", COMPILER)
def test_the_compiler_starts_without_what_is_slow_to_import(name: str) -> None:
    for i in modules()[name].imports:
        if i.eager:
            assert not {i.target, i.target.partition(".")[0]} & SLOW, f"line {i.line}: {i.target}"


@pytest.mark.parametrize("name", RUNTIME)
def test_the_runtime_sees_the_results_of_the_compiler_and_not_its_phases(name: str) -> None:
    for i in ours(modules()[name]):
        if not i.target.startswith("dlc.compiler"):
            continue
        seen = part(i.target)
        # Commands share how findings are printed and specs are read.
        commands = name.startswith("dlc.runtime.cli") and seen == "cli"
        assert seen in RUNTIME_SEES or commands, f"line {i.line} imports {i.target}"


def test_no_module_imports_itself_through_others() -> None:
    """At import time; an import inside a function is made when all modules stand."""
    graph = {
        name: sorted({i.target for i in module.imports if i.eager and i.target in modules()})
        for name, module in modules().items()
    }
    state: dict[str, int] = {}

    def visit(name: str, path: list[str]) -> None:
        state[name] = 1
        for target in graph[name]:
            if state.get(target) == 1:
                cycle = [*path[path.index(target) :], target] if target in path else [target]
                # A package and its own parts know each other by the package's `__init__`.
                assert target == name, "import cycle: " + " -> ".join(cycle)
            elif target not in state:
                visit(target, [*path, target])
        state[name] = 2

    for name in graph:
        if name not in state:
            visit(name, [name])


def test_imports_are_absolute() -> None:
    for module in modules().values():
        for i in module.imports:
            assert not i.target.startswith("."), f"{module.path}:{i.line}"


def test_only_the_commands_print_and_the_compiler_writes_no_files() -> None:
    for name, module in modules().items():
        if part(name) == "cli":
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            assert called != "print", f"{module.path}:{node.lineno} prints"
            if name.startswith("dlc.compiler") and name not in WRITE_WHAT_IS_SHIPPED:
                writes = called.rpartition(".")[2] in ("write_text", "write_bytes", "mkdir")
                assert not writes, f"{module.path}:{node.lineno} writes a file"
                if called in ("open", "io.open", "os.open"):
                    mode = node.args[1] if len(node.args) > 1 else None
                    assert mode is None or ast.unparse(mode) in ("'r'", "'rb'"), (
                        f"{module.path}:{node.lineno} opens a file for writing"
                    )
