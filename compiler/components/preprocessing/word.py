"""Words as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path, Positive
from dlc.compiler.components.preprocessing._texts import VocabularyStep
from dlc.compiler.record import component


@component
class Word(VocabularyStep):
    """Cuts texts at white space and punctuation and gives the index of each word.

        preprocess: {tokens: "word(vocabulary=20000, max_length=256, lengths=lengths)"}

    A punctuation mark is a word of its own. Index 0 pads shorter texts of a batch, 1 is a
    word that the vocabulary lacks; the others follow by their frequency in the training part,
    equally frequent ones by name. An empty text is one pad.

    Arguments:
        vocabulary: how many words are kept at most, the most frequent ones, the two special
            ones included; or a file below the spec's folder: a word a line, or a
            `tokenizer.json` of kind WordLevel
        max_length: words beyond this are cut off
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of words of each text
        mask: the input that is true where a text is padded
    """

    name: ClassVar[str] = "word"

    vocabulary: Positive | Path = 30000
