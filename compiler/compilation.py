"""What a compile gives: the bound spec, the typed network, the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dlc.compiler.components.settings import Head, Settings
from dlc.compiler.diagnostics.model import Diagnostic, Severity
from dlc.compiler.ir.graph import Program
from dlc.compiler.record import component
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.tree import File


@component
class Compilation:
    """A spec that passed every check.

    `spec` is the bound tree: every argument by name, imported blocks inlined, `--set`
    applied, every default written out; both surfaces give equal ones. `sources` are the
    spec and what it imports. `root` is the folder that relative paths (`data.source`)
    start from. `heads` are the biases that start from targets. `members` are the further
    specs of an ensemble. `warnings` are what lints found.
    """

    spec: File
    program: Program
    settings: Settings
    root: Path | None
    sources: tuple[Source, ...] = ()
    heads: tuple[Head, ...] = ()
    members: tuple[Compilation, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The spec and what it imports, each by its path with its SHA-256."""
        return {source.name: _sha256(source.text) for source in self.sources}

    @cached_property
    def canonical(self) -> str:
        """The bound spec as canonical YAML: `resolved.yaml`."""
        return _canonical(self.spec)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical text: equal for both surfaces of a spec."""
        return _sha256(self.canonical)

    def data_place(self, about: str | None = None) -> Span | None:
        """Where the spec says what fills an input or target: its entry of `data.columns`; where
        it has none, and for the data as a whole, `data.source`."""
        data = next((e for e in self.spec.settings if e.key.text == "data"), None)
        if data is None or not isinstance(data.value, tree.Mapping):
            return None if data is None else data.key.span
        entries = {entry.key.text: entry.value for entry in data.value.entries}
        columns = entries.get("columns")
        for entry in columns.entries if isinstance(columns, tree.Mapping) else ():
            if entry.key.text == about:
                return entry.key.span
        return entries["source"].span if "source" in entries else data.key.span

    @cached_property
    def graph_digest(self) -> str:
        """The same of the network part alone."""
        return _sha256(_canonical(replace(self.spec, settings=(), targets=())))


def _canonical(spec: File) -> str:
    # Imported on use: checking a spec prints none.
    from dlc.compiler.semantics.relocate import unplaced
    from dlc.compiler.syntax.format import format_file

    # Without places: how the author spelled a number or spread a line says nothing.
    return format_file(unplaced(spec), "yaml")


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


@component
class Result:
    """What checking gives: findings, and a compilation where none of them is an error.

    `file` is the syntax tree as far as it could be read; `spec` the bound one.
    """

    diagnostics: tuple[Diagnostic, ...]
    dropped: int = 0
    file: File | None = None
    spec: File | None = None
    compilation: Compilation | None = None

    @property
    def ok(self) -> bool:
        return not any(d.severity is Severity.ERROR for d in self.diagnostics)
