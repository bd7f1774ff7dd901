"""The bounds of the language. A text that passes one gets E0110, never a crash."""

from __future__ import annotations

from typing import Final

from dlc.compiler.diagnostics.model import Diagnostic

MAX_SIZE: Final = 8 * 1024 * 1024  # characters of a file
MAX_EVENTS: Final = 2_000_000  # YAML events of a file
MAX_DEPTH: Final = 64  # brackets and YAML collections inside each other
MAX_EXPRESSION_DEPTH: Final = 32  # `(` and `[` inside each other
MAX_EXPRESSION_TOKENS: Final = 500  # of one term of a list or call
# Operations inside each other. A chain `a + b + c` is as deep a tree as it is long; this
# keeps whoever walks a tree inside Python's stack.
MAX_EXPRESSION_HEIGHT: Final = 200
MAX_NAME: Final = 64  # characters of an identifier
MAX_NUMBER: Final = 64  # characters of a number
MAX_INTEGER: Final = 2**53
MAX_ERRORS: Final = 20  # syntax errors reported of one file
MAX_REPAIRS: Final = 1000  # tokens inserted or dropped, most of them unreported


class TooLarge(Exception):
    """A limit is passed and reading on makes no sense. Never leaves the package."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
