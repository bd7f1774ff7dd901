"""Pieces of words as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import InputName, Path, Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.components.preprocessing._texts import PAD, UNKNOWN, VocabularyStep
from dlc.compiler.record import component


@component
class Wordpiece(VocabularyStep):
    """Cuts texts into frequent pieces of words and gives the index of each.

        preprocess: {tokens: "wordpiece(vocabulary=30522, max_length=512, mask=mask)"}

    A text begins with [CLS] and ends with [SEP], as BERT has it; of a pair of texts (two
    columns for one input) each ends so. Learned here, index 0 is [PAD], 1 [UNK] for a word
    that cannot be put together, 2 [CLS], 3 [SEP], 4 [MASK]. A piece that goes on with a word
    is written `##ing`. Nothing is made lower case, unless `lowercase` stands before.

    Arguments:
        vocabulary: how many pieces there are at most, the special ones included, learned from
            the training part; or a file below the spec's folder: a piece a line, as BERT's
            `vocab.txt`, or a `tokenizer.json` of kind WordPiece
        max_length: pieces beyond this are cut off, [CLS] and [SEP] included
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of pieces of each text
        mask: the input that is true where a text is padded
        segments: the input that tells the first text of a pair (0) from the second (1)

    Source: Wu et al., "Google's neural machine translation system" (2016).
    """

    name: ClassVar[str] = "wordpiece"
    model: ClassVar[str] = "WordPiece"
    specials: ClassVar[tuple[str, ...]] = (PAD, UNKNOWN, "[CLS]", "[SEP]", "[MASK]")
    around: ClassVar[int] = 2

    vocabulary: Positive | Path = 30000

    segments: InputName | None = keyword(None)

    @property
    def segment_input(self) -> str | None:
        return self.segments
