"""Bytes as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.record import component


@component
class Byte(TokenStep):
    """Gives the bytes of each text in UTF-8, two added to each.

        preprocess: {tokens: "byte(max_length=1024, mask=padding)"}

    Nothing is fitted and nothing unknown: there are 258 indices. 0 pads shorter texts of a
    batch, 1 never occurs, and 2 to 257 are the bytes. An empty text is one pad.

    Arguments:
        max_length: bytes beyond this are cut off
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of bytes of each text
        mask: the input that is true where a text is padded

    Source: Xue et al., "ByT5: towards a token-free future" (2022).
    """

    name: ClassVar[str] = "byte"
    model: ClassVar[str] = "BPE"

    max_length: Positive | None = None

    @property
    def limit(self) -> int | None:
        return self.max_length
