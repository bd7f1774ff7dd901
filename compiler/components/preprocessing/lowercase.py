"""Lower case."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._texts import TextStep
from dlc.compiler.record import component


@component
class Lowercase(TextStep):
    """Writes texts in lower case.

        preprocess: {tokens: [lowercase, "word(vocabulary=20000)"]}

    Each character by itself, as Unicode maps it, whatever the language. Where texts come
    from many hands, `normalize_unicode` stands before it.
    """

    name: ClassVar[str] = "lowercase"
