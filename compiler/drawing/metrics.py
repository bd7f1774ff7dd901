"""How wide a text is, whatever sans-serif font shows it.

A picture is laid out where no font is loaded. The tables hold, for each character, the
wider of its advances in the metrics of Arial (Liberation Sans) and of DejaVu Sans, in
thousandths of the font size: a box that fits them fits Helvetica, Arial and the fonts of
Linux, macOS and Windows too.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

#: The fonts that a picture asks for, in this order.
FONTS: Final = 'Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif'

#: Between words of one line that differ in style: renderers drop a plain space there.
SPACE: Final = "\N{NO-BREAK SPACE}"

_OTHERS: Final = "×·÷−–…→≈⊕²³§∞µ" + SPACE
_CHARACTERS: Final = "".join(map(chr, range(32, 127))) + _OTHERS
_REGULAR: Final = (
    *(318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337),
    *(637, 637, 637, 637, 637, 637, 637, 637, 637, 637, 337, 337, 838, 838, 838, 557),
    *(1016, 685, 687, 723, 771, 667, 611, 778, 752, 295, 500, 667, 558, 863, 749, 788),
    *(667, 788, 723, 667, 611, 732, 685, 989, 686, 667, 686, 391, 337, 391, 838, 557),
    *(500, 613, 635, 550, 635, 616, 353, 635, 634, 278, 278, 580, 278, 975, 634, 612),
    *(635, 635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637, 337, 637, 838),
    *(838, 318, 838, 838, 557, 1000, 1000, 838, 838, 401, 401, 557, 834, 637, 318),
)
_BOLD: Final = (
    *(349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366),
    *(696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 611),
    *(1000, 774, 763, 734, 831, 684, 684, 821, 837, 373, 557, 775, 638, 996, 837, 851),
    *(733, 851, 771, 721, 683, 813, 774, 1104, 771, 725, 726, 458, 366, 458, 838, 557),
    *(500, 675, 716, 593, 716, 679, 436, 716, 712, 343, 343, 666, 343, 1042, 712, 688),
    *(716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712, 366, 712, 838),
    *(838, 380, 838, 838, 557, 1000, 1000, 838, 838, 438, 438, 557, 834, 736, 349),
)
_TABLES: Final = {
    False: dict(zip(_CHARACTERS, _REGULAR, strict=True)),
    True: dict(zip(_CHARACTERS, _BOLD, strict=True)),
}
_WIDE: Final = 1050  # East Asian; also what no table tells of


@lru_cache(maxsize=8192)  # a network says the same words over and over
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width in pixels of one line of text; an upper bound for the usual fonts."""
    table = _TABLES[bold]
    return sum(table.get(c) or _unlisted(c) for c in text) * size / 1000


def _unlisted(c: str) -> int:
    return 0 if unicodedata.category(c) in ("Mn", "Me") else _WIDE


def wrap(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """The text in lines of at most `width` pixels, broken at spaces, or inside a word that
    is wider than that; at least one line."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size, bold=bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, size, width, bold)
        lines.extend(whole)
    return [*lines, line]


def _pieces(word: str, size: float, width: float, bold: bool) -> list[str]:
    """A word cut where it grows wider than a line."""
    pieces = [""]
    for c in word:
        if pieces[-1] and text_width(pieces[-1] + c, size, bold=bold) > width:
            pieces.append("")
        pieces[-1] += c
    return pieces
