"""What a compile gives: the bound spec, the typed network, the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.graph import Program
from dlc.compiler.syntax.tree import File


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """A spec that passed every check.

    `spec` is the bound tree: every argument by name, imported blocks inlined, `--set`
    applied, every default written out; both surfaces give equal ones. `digest` is the
    SHA-256 of its canonical text, `graph_digest` that of its network part. `files` are
    the spec and what it imports, each with its SHA-256. `root` is the folder that
    relative paths (`data.source`) start from. `warnings` are what lints found.
    """

    spec: File
    program: Program
    settings: Settings
    digest: str
    graph_digest: str
    root: Path | None
    files: Mapping[str, str]
    warnings: tuple[Diagnostic, ...] = ()
