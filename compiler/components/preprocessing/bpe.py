"""Pieces of bytes as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._texts import VocabularyStep
from dlc.compiler.record import component


@component
class Bpe(VocabularyStep):
    """Cuts texts into frequent runs of bytes and gives the index of each.

        preprocess: {tokens: "bpe(vocabulary=16000, max_length=1024, mask=padding)"}

    Byte-pair encoding as GPT-2 has it: white space belongs to the word that follows, and what
    was never seen falls apart into bytes, so that no text is unknown. Index 0 pads shorter
    texts of a batch, 1 never occurs, 2 to 257 are the bytes, and the others follow in the
    order in which they were learned. An empty text is one pad.

    Arguments:
        vocabulary: how many pieces there are at most, the two special ones and the 256 bytes
            included, learned from the training part; or a `tokenizer.json` of kind BPE below
            the spec's folder
        max_length: pieces beyond this are cut off
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of pieces of each text
        mask: the input that is true where a text is padded

    Source: Sennrich et al., "Neural machine translation of rare words with subword units"
    (2016); Radford et al., "Language models are unsupervised multitask learners" (2019).
    """

    name: ClassVar[str] = "bpe"
    model: ClassVar[str] = "BPE"

    vocabulary: Positive | Path = 30000

    def validate(self) -> None:
        VocabularyStep.validate(self)
        if self.size is not None and self.size < 258:
            raise ComponentError(
                "E0302",
                f"a vocabulary of {self.size} has no room for the 256 bytes and 2 special pieces",
                blame="vocabulary",
                help="give more than 258, or take `byte`, which learns nothing",
            )
