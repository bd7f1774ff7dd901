"""What is checked of every text whatever its surface: size, characters, language version."""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Applicability, Collector, Diagnostic, Edit, Fix, Label
from dlc.compiler.source import Source
from dlc.compiler.syntax import tree
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


VERSION: Final = 1


def check_version(file: tree.File, collector: Collector) -> None:
    """That the file says the version of the language that we read."""
    version = file.version
    spelled = f"dlc {VERSION}" if file.source.surface == "dlc" else f"dlc: {VERSION}"
    if version is None:
        if _TRIED.search(file.source.text):
            return  # it is there, unreadable, and reported
        start = file.source.span(0)
        collector.add(
            Diagnostic(
                code("E0113"),
                "the language version is missing",
                Label(start, f"`{spelled}` expected"),
                help=f"begin with `{spelled}`",
                fix=Fix(f"add `{spelled}`", (Edit(start, spelled + "\n"),)),
            )
        )
    elif version.value != VERSION:
        collector.add(
            Diagnostic(
                code("E0112"),
                f"version {version.value} of the language is not known here",
                Label(version.span, f"this compiler reads version {VERSION}"),
                help=f"write `{spelled}`, or use a newer dlc",
            )
        )


_TRIED: Final = re.compile(r"^dlc\b", re.MULTILINE)
