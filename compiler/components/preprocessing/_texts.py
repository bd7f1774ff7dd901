"""What the steps on texts share."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import InputName, Path, Positive
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.types import INT, DType, Shape, TensorType
from dlc.compiler.record import component

#: The index that pads short texts, and that of a piece which the vocabulary lacks.
PAD, UNKNOWN = "[PAD]", "[UNK]"


@component
class TextStep(Preprocess):
    """A step on a column of texts."""

    where: ClassVar[Literal["host", "graph"]] = "host"
    takes: ClassVar[Literal["numbers", "indices", "texts", "categories"]] = "texts"

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype is not DType.STRING:
            raise ComponentError(
                "E0406",
                f"`{self.name}` takes texts, and gets {x.dtype.spec_name}",
                help="put it before the steps that turn texts into numbers, or leave it out for "
                "a column of numbers",
            )
        return x


@component
class TokenStep(TextStep):
    """A step that cuts texts into pieces and gives the index of each.

    `specials` stand first in a vocabulary that is fitted here: index 0 pads, 1 is unknown.
    `model` is the kind of a `tokenizer.json` that the step reads, and `around` says how many
    pieces it puts before and after a text.

    Arguments:
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of pieces of each text
        mask: the input that is true where a text is padded
    """

    statistics: ClassVar[tuple[str, ...]] = ("tokenizer",)
    specials: ClassVar[tuple[str, ...]] = (PAD, UNKNOWN)
    model: ClassVar[str] = "WordLevel"
    around: ClassVar[int] = 0

    truncation: Literal["right", "left"] = keyword("right")
    lengths: InputName | None = keyword(None)
    mask: InputName | None = keyword(None)

    @property
    def limit(self) -> int | None:
        """How many pieces a text has at most; None where nothing is cut off."""
        raise NotImplementedError(self.name)

    @property
    def size(self) -> int | None:
        """How many pieces are kept at most; None where all are, or a file says it."""
        return None

    @property
    def file(self) -> str | None:
        """The file that holds the pieces, below the spec's folder."""
        return None

    @property
    def segment_input(self) -> str | None:
        """The input that tells the texts of a pair apart."""
        return None

    @property
    def fills(self) -> tuple[str, ...]:
        return tuple(name for name in (self.lengths, self.mask, self.segment_input) if name)

    def validate(self) -> None:
        least = self.around + 1
        if self.limit is not None and self.limit < least:
            raise ComponentError(
                "E0302",
                f"`{self.name}` puts {self.around} pieces round each text, which leaves nothing "
                f"of a text within {self.limit}",
                blame="max_length",
                help=f"give at least {least}",
            )
        named = self.fills
        for name in named:
            if named.count(name) > 1:
                raise ComponentError(
                    "E0302",
                    f"`{self.name}` would fill `{name}` twice",
                    help="name an input of its own for each",
                )

    def before(self, y: Shape) -> Shape:
        return y[:-1]

    def infer(self, x: TensorType) -> TensorType:
        length: Dim = symbol("T", 1, self.limit) if self.limit else symbol("T")
        return TensorType(INT, (TextStep.infer(self, x).shape[0], length))


@component
class VocabularyStep(TokenStep):
    """A step whose pieces are fitted on the training part, or listed in a file.

    Arguments:
        vocabulary: how many pieces are kept at most, the special ones included; or a file
            that holds them
        max_length: pieces beyond this are cut off, those that the step adds included
    """

    vocabulary: Positive | Path | None = 30000
    max_length: Positive | None = None

    @property
    def limit(self) -> int | None:
        return self.max_length

    @property
    def size(self) -> int | None:
        return self.vocabulary if isinstance(self.vocabulary, int) else None

    @property
    def file(self) -> str | None:
        return self.vocabulary if isinstance(self.vocabulary, str) else None

    def validate(self) -> None:
        TokenStep.validate(self)
        least = len(self.specials) + 1
        if self.size is not None and self.size < least:
            raise ComponentError(
                "E0302",
                f"a vocabulary of {self.size} has no room beside the {least - 1} special pieces",
                blame="vocabulary",
                help=f"give at least {least}: {', '.join(self.specials)} come first",
            )
