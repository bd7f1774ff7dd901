"""Pieces of words as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import InputName
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.record import component


@component
class Wordpiece(TokenStep):
    """Cuts texts into frequent pieces of words and gives the index of each.

        preprocess: {tokens: "wordpiece(vocabulary=30522, max_length=512, mask=mask)"}

    A text begins with [CLS] and ends with [SEP]; 0 pads shorter texts.

    Arguments:
        vocabulary: how many pieces are learned from the training part, or a file that lists
            them, a piece a line
        max_length: pieces beyond this are cut off
        mask: the input that is true where a text is padded
        segments: the input that tells the first text of a pair (0) from the second (1)
        lengths: the input that gets the number of pieces of each text

    Source: Wu et al., "Google's neural machine translation system" (2016).
    """

    name: ClassVar[str] = "wordpiece"

    mask: InputName | None = None
    segments: InputName | None = None
    lengths: InputName | None = None

    @property
    def fills(self) -> tuple[str, ...]:
        return tuple(name for name in (self.mask, self.segments, self.lengths) if name)
