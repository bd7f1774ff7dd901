"""Words as indices."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import InputName
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.record import component


@component
class Word(TokenStep):
    """Cuts texts at white space and punctuation and gives the index of each word.

        preprocess: {tokens: "word(vocabulary=20000, max_length=256, lengths=lengths)"}

    0 pads shorter texts, 1 is a word that the vocabulary lacks; an empty text is one pad.

    Arguments:
        vocabulary: how many words are kept, most frequent in the training part first, the two
            special ones included; or a file that lists them, a word a line
        max_length: words beyond this are cut off
        lengths: the input that gets the number of words of each text
    """

    name: ClassVar[str] = "word"

    lengths: InputName | None = None

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.lengths,) if self.lengths else ()
