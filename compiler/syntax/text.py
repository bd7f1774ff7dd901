"""What is checked of a text before anything reads it: its size and its characters."""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Applicability, Collector, Diagnostic, Edit, Fix, Label
from dlc.compiler.source import Source
from dlc.compiler.syntax.limits import MAX_ERRORS, MAX_SIZE

# Controls but tab and line breaks, lone surrogates, non-characters; a byte order mark.
_BAD: Final = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)


def check_text(source: Source, collector: Collector) -> bool:
    """Whether the text may be read on; what is wrong with it goes to the collector."""
    size = len(source.text)
    if size > MAX_SIZE:
        collector.add(
            Diagnostic(
                code("E0110"),
                f"a text of {size:,} characters; the limit is {MAX_SIZE:,}",
                Label(source.span(0)),
                help="split the file, or use blocks and `repeat`",
            )
        )
        return False
    clean = True
    for count, found in enumerate(_BAD.finditer(source.text)):
        clean = False
        if count == MAX_ERRORS:
            break
        span = source.span(found.start(), found.end())
        number = ord(found.group())
        mark = number == 0xFEFF
        collector.add(
            Diagnostic(
                code("E0111"),
                "a byte order mark" if mark else f"a control character, U+{number:04X}",
                Label(span),
                help="save the file as UTF-8 without one" if mark else "remove it",
                fix=Fix("remove it", (Edit(span, ""),), Applicability.SAFE),
            )
        )
    return clean
