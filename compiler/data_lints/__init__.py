"""Lints that need numbers of the data: a file each, found by its name.

They take these from a profile, which `dlc data` writes: compiling never opens data. What it
audits tells of the same, by these lints, beside what only the rows themselves can tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import cast

from dlc.compiler.analysis.data_profile import DataProfile
from dlc.compiler.compilation import Compilation
from dlc.compiler.data_lints.base import DataLint, Finding
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints import is_allowed


def data_findings(compilation: Compilation, profile: DataProfile) -> tuple[Diagnostic, ...]:
    """What the lints find of a spec and a profile of its data, but for what comments allow."""
    found = (diagnosed(finding, compilation) for finding in find(compilation, profile))
    return tuple(diagnostic for diagnostic in found if not is_allowed(diagnostic))


def find(compilation: Compilation, profile: DataProfile) -> Iterator[Finding]:
    """What every lint finds."""
    for lint in data_lints():
        yield from lint.check(compilation, profile)


@cache
def data_lints() -> tuple[DataLint, ...]:
    """The lints of this folder, in the order of their codes."""
    names = sorted(
        entry[:-3]
        for folder in __path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )
    modules = [cast(DataLint, import_module(f"{__name__}.{name}")) for name in names]
    return tuple(sorted(modules, key=lambda lint: lint.CODE.number))


def diagnosed(finding: Finding, compilation: Compilation) -> Diagnostic:
    """A finding as a diagnostic, at the entry of the spec that it is about."""
    span = compilation.data_place(finding.about)
    return Diagnostic(
        finding.code,
        finding.message,
        None if span is None else Label(span),
        notes=finding.notes,
        help=finding.help,
    )
