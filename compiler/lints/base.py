"""What a lint is. One lint is one file: its docstring says what, why and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.model import Code, Diagnostic


class Lint(Protocol):
    """A module in this folder: its catalogued code, and what it finds in a spec."""

    CODE: Code

    def check(self, compilation: Compilation) -> Iterator[Diagnostic]:
        """The findings, each with a place in the spec."""
