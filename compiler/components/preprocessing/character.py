"""Characters as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path, Positive
from dlc.compiler.components.preprocessing._texts import TokenStep, VocabularyStep
from dlc.compiler.record import component


@component
class Character(VocabularyStep):
    """Gives the index of each character of a text.

        preprocess: {tokens: "character(max_length=512, lengths=lengths)"}

    White space counts. Index 0 pads shorter texts of a batch, 1 is a character that the
    vocabulary lacks; the others follow by their frequency in the training part, equally
    frequent ones by code point. An empty text is one pad.

    Arguments:
        vocabulary: how many characters are kept at most, the most frequent ones, the two
            special ones included, all where it is absent; or a file below the spec's folder:
            a character a line, or a `tokenizer.json` of kind WordLevel
        max_length: characters beyond this are cut off
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of characters of each text
        mask: the input that is true where a text is padded
    """

    name: ClassVar[str] = "character"

    vocabulary: Positive | Path | None = None

    def validate(self) -> None:
        (VocabularyStep if self.vocabulary is not None else TokenStep).validate(self)
