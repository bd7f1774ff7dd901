"""Lower case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlc.compiler.components.preprocessing._texts import TextStep


@dataclass(frozen=True, kw_only=True)
class Lowercase(TextStep):
    """Writes texts in lower case.

        preprocess: {tokens: [lowercase, "word(vocabulary=20000)"]}

    Unicode normalization (NFKC) comes first, so that letters that look alike become equal.
    """

    name: ClassVar[str] = "lowercase"
