"""Lints: what a spec may say, and should not."""

from __future__ import annotations

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.model import Diagnostic


def run(compilation: Compilation) -> tuple[Diagnostic, ...]:
    """What every lint finds."""
    return ()
