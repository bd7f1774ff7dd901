"""Bytes of a spec file as text, and which surface a file is written in."""

from __future__ import annotations

from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.source import Source

#: The suffixes that a spec may have, with the surface each is read as.
SURFACES: Final = {".yaml": "yaml", ".yml": "yaml", ".dlc": "dlc"}

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def decode(data: bytes, name: str, surface: str) -> Source:
    """The bytes as strict UTF-8.

    Raises `DiagnosticError` with the place of the first byte that is none. What else the
    text must not hold (a byte order mark, control characters) is for the parser to say.
    """
    try:
        return Source(name, data.decode("utf-8", "strict"), surface)
    except UnicodeDecodeError as problem:
        readable = Source(name, data.decode("utf-8", "replace"), surface)
        at = len(data[: problem.start].decode("utf-8", "replace"))
        instead = ", not UTF-16" if data[:2] in _UTF16 else ""
        raise DiagnosticError(
            Diagnostic(
                code("E0111"),
                f"the file is not UTF-8: byte 0x{data[problem.start]:02x}",
                Label(readable.span(at, at + 1), "this cannot be read"),
                help=f"save the file as UTF-8{instead}",
            )
        ) from None
