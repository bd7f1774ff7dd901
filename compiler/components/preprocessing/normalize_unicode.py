"""One form for characters that can be written in several ways."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.preprocessing._texts import TextStep
from dlc.compiler.record import component


@component
class NormalizeUnicode(TextStep):
    """Writes characters that can be written in several ways in one.

        preprocess: {tokens: [normalize_unicode, lowercase, "word(vocabulary=20000)"]}

    An e with an accent is one character or two, a ligature one or its letters: to a
    vocabulary these are different words, until they are written alike. NFC composes, NFD
    takes apart; NFKC and NFKD also replace what only looks different (ligatures, full-width
    letters, circled numbers).

    Arguments:
        form: the normalization form

    Source: Unicode Standard Annex #15.
    """

    name: ClassVar[str] = "normalize_unicode"

    form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFKC"
