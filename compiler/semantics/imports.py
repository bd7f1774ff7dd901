"""Imports of blocks: which files may be read, and what comes in.

A path is relative to the importing file, stays inside the root (the folder of the main
spec, or `--root`) after symbolic links are followed, and names a regular file with a
known suffix. Only blocks come in, with the blocks that they use.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dlc.compiler.diagnostics.model import Collector, DiagnosticError, Label
from dlc.compiler.diagnostics.suggest import closest
from dlc.compiler.semantics.forms import all_steps
from dlc.compiler.semantics.scope import error
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.files import SURFACES, decode

MAX_IMPORT_BYTES = 1 << 20
MAX_DEPTH = 16

Parser = Callable[[Source, Collector], tree.File | None]


@dataclass(slots=True)
class Importer:
    """Reads imported files, each once, and remembers them."""

    root: Path | None
    parse: Parser
    collector: Collector
    sources: list[Source] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    _files: dict[Path, tree.File | None] = field(default_factory=dict)
    _available: dict[Path, dict[str, tree.BlockDecl]] = field(default_factory=dict)

    def blocks(
        self, file: tree.File, path: Path | None, chain: tuple[Path, ...] = ()
    ) -> dict[str, tree.BlockDecl]:
        """The blocks that a file's imports bring, in the order in which they must stand:
        what a block uses comes before it."""
        found: dict[str, tree.BlockDecl] = {}
        for decl in file.imports:
            try:
                self._import(decl, path, chain, found)
            except DiagnosticError as problem:
                self.collector.extend(problem.diagnostics)
                # What uses these names has nothing to add.
                self.failed.update(name.text for name in decl.names)
        return found

    def open(self, path: tree.Text, importer: Path | None, *, what: str) -> tree.File | None:
        """The file that a path in `importer` names, None for one with errors of its own.
        `what` are such files in messages, in the plural. Raises `DiagnosticError`."""
        target = self._resolve(path, importer, what)
        assert self.root is not None
        return self.read(target, target.relative_to(self.root.resolve()).as_posix(), path.span)

    def _import(
        self,
        decl: tree.ImportDecl,
        importer: Path | None,
        chain: tuple[Path, ...],
        found: dict[str, tree.BlockDecl],
    ) -> None:
        target = self._resolve(decl.path, importer, "imports")
        shown = [p.name for p in (*chain, *([importer] if importer else []))]
        if target == importer or target in chain:
            raise error(
                "E0204",
                "these files import each other: " + " -> ".join([*shown, target.name]),
                decl.path.span,
                help="move the shared blocks to a file of their own",
            )
        if len(chain) >= MAX_DEPTH:
            raise error("E0110", f"imports are nested over {MAX_DEPTH} deep", decl.path.span)
        assert self.root is not None
        shown_path = target.relative_to(self.root.resolve()).as_posix()
        inner = self.read(target, shown_path, decl.path.span)
        if inner is None:
            raise error("E0209", f"`{decl.path.value}` has errors of its own", decl.path.span)
        around = (*chain, importer) if importer else chain
        available = self._available.get(target)
        if available is None:
            # Once a file: else files that import each other twice would double the work.
            available = self.blocks(inner, target, around)
            available = available | {b.name.text: b for b in inner.blocks}
            self._available[target] = available
        for name in decl.names:
            if name.text not in available:
                near = closest(name.text, available)
                names = ", ".join(f"`{b}`" for b in available) or "none"
                raise error(
                    "E0209",
                    f"`{decl.path.value}` has no block `{name}`",
                    name.span,
                    help=f"there is a block with a similar name: `{near}`"
                    if near
                    else f"its blocks: {names}",
                )
        wanted = _with_used([name.text for name in decl.names], available)
        for key, block in available.items():
            if key not in wanted:
                continue
            other = found.get(key)
            if other is not None and other != block:
                raise error(
                    "E0203",
                    f"two imported files declare a block `{key}`",
                    decl.path.span,
                    help="rename one of them",
                    secondary=(Label(other.name.span, "the other one"),),
                )
            found[key] = block

    def _resolve(self, path: tree.Text, importer: Path | None, what: str) -> Path:
        text = path.value
        if self.root is None or importer is None:
            raise error("E0208", f"a spec without a folder has no {what}", path.span)
        if "\\" in text or "\0" in text or text.startswith(("/", "~")) or ":" in text:
            raise error(
                "E0208",
                f"`{text}` is not a relative path",
                path.span,
                help=f"{what} are relative to this file, with `/` between folders: "
                "no drive, URL or absolute path",
            )
        if Path(text).suffix not in SURFACES:
            raise error(
                "E0209",
                f"`{text}` is not a spec file",
                path.span,
                help=f"{what} end in `.yaml`, `.yml` or `.dlc`",
            )
        root = self.root.resolve()
        try:
            target = (importer.parent / text).resolve()
        except (OSError, RuntimeError):
            raise error("E0209", f"`{text}` cannot be found", path.span) from None
        if not target.is_relative_to(root):
            raise error(
                "E0208",
                f"`{text}` leaves the folder of the spec",
                path.span,
                help="move the file inside, or give a wider folder with `--root`",
            )
        return target

    def read(self, target: Path, shown: str, span: Span) -> tree.File | None:
        """A file, `shown` as messages do; None for one with errors of its own, which are
        reported. Raises `DiagnosticError` where it cannot be read."""
        if target in self._files:
            return self._files[target]
        name = target.name
        try:
            status = target.stat()
            if not stat.S_ISREG(status.st_mode):
                raise error("E0209", f"`{name}` is not a regular file", span)
            if status.st_size > MAX_IMPORT_BYTES:
                raise error("E0110", f"`{name}` is larger than 1 MiB", span)
            with target.open("rb") as opened:
                # Some regular files (`/proc`) give more than the size that they state.
                data = opened.read(MAX_IMPORT_BYTES + 1)
            if len(data) > MAX_IMPORT_BYTES:
                raise error("E0110", f"`{name}` is larger than 1 MiB", span)
            source = decode(data, shown, SURFACES[target.suffix])
        except FileNotFoundError:
            raise error(
                "E0209",
                f"there is no file `{shown}`",
                span,
                help="the path is relative to the file that names it",
            ) from None
        except OSError as problem:
            raise error("E0209", f"`{name}` cannot be read: {problem.strerror}", span) from None
        self.sources.append(source)
        before = self.collector.has_errors
        file = self.parse(source, self.collector)
        if file is not None and self.collector.has_errors and not before:
            file = None
        self._files[target] = file
        return file


def _with_used(names: list[str], available: dict[str, tree.BlockDecl]) -> set[str]:
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in wanted or name not in available:
            continue
        wanted.add(name)
        pending.extend(called_blocks(available[name].body))
    return wanted


def called_blocks(steps: tuple[tree.Step, ...]) -> set[str]:
    """The names that the steps call, at any depth."""
    found: set[str] = set()
    for step in all_steps(steps):
        for expr in step.inputs or ():
            if isinstance(expr, tree.Word) and len(expr.parts) == 1:
                found.add(expr.text)
        if isinstance(step.operation, tree.Call):
            found.add(step.operation.name.text)
    return found
