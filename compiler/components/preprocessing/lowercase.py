"""Lower case."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._texts import TextStep
from dlc.compiler.record import component


@component
class Lowercase(TextStep):
    """Writes texts in lower case.

        preprocess: {tokens: [lowercase, "word(vocabulary=20000)"]}

    Unicode normalization (NFKC) comes first, so that letters that look alike become equal.
    """

    name: ClassVar[str] = "lowercase"
