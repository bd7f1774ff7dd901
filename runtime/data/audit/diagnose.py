"""Findings as diagnostics, each at the entry of the spec that it is about."""

from __future__ import annotations

from collections.abc import Iterable

from dlc.compiler import is_allowed
from dlc.compiler.compilation import Compilation
from dlc.compiler.data_lints import diagnosed
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.data.audit.findings import Finding


def diagnostics(
    findings: Iterable[Finding], compilation: Compilation
) -> tuple[tuple[Finding, Diagnostic], ...]:
    """Each finding with its diagnostic, but for those that a comment in the spec allows."""
    found = [(finding, diagnosed(finding, compilation)) for finding in findings]
    return tuple((finding, diagnostic) for finding, diagnostic in found if _is_kept(diagnostic))


def _is_kept(diagnostic: Diagnostic) -> bool:
    return not (diagnostic.code.number.startswith("W") and is_allowed(diagnostic))
