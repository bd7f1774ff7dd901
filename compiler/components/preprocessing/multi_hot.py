"""Lists of categories as rows of zeros and ones."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._categories import lookup
from dlc.compiler.components.preprocessing._numbers import cast
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.protocols import OnnxBuilder, Weight
from dlc.compiler.ir.types import FLOAT, INT, DType, Shape, TensorType
from dlc.compiler.record import component


@component
class MultiHot(Preprocess):
    """Makes a list of categories a row of zeros with a one for each of them.

        preprocess: {genres: 'multi_hot(20, separator="|")'}

    The lists are texts such as `drama|war`, or lists in the file. Place 0 is a category that
    the training part lacks or that is rare there; the others follow in the order of their
    frequency, equally frequent ones in that of their names. Pieces are taken as they stand,
    spaces included; an empty piece is none, and an empty list a row of zeros.

    Arguments:
        num_classes: how many places there are, the 0 included
        separator: what stands between two categories
        min_count: a category that the training part has less often gets place 0
    """

    name: ClassVar[str] = "multi_hot"
    takes: ClassVar[Literal["numbers", "indices", "texts", "categories"]] = "texts"
    statistics: ClassVar[tuple[str, ...]] = ("entries",)

    num_classes: Annotated[int, Ge(2)]
    separator: str = "|"
    min_count: Positive = 1

    @property
    def joins(self) -> str | None:
        return self.separator

    def validate(self) -> None:
        if not self.separator:
            raise ComponentError(
                "E0302",
                "an empty separator",
                blame="separator",
                help='give the character between two categories, such as ";"',
            )

    def before(self, y: Shape) -> Shape:
        if len(y) != 2 or compare(y[-1], self.num_classes) is not Answer.EQUAL:
            wanted = f"{y[-1]} are wanted" if len(y) == 2 else f"{len(y)} dims are wanted"
            raise ComponentError(
                "E0402",
                f"`multi_hot` gives {self.num_classes} numbers a sample, and {wanted}",
                blame="num_classes",
                help=f"declare the input as `float[N, {self.num_classes}]`",
            )
        return y[:1]

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype is not DType.STRING or x.rank != 1:
            raise ComponentError(
                "E0406" if x.rank == 1 else "E0401",
                f"`multi_hot` takes one text a sample, and gets {x}",
                help="`one_hot` is for a single index",
            )
        return TensorType(FLOAT, (x.shape[0], self.num_classes))

    def onnx(self, b: OnnxBuilder) -> str:
        pieces, _ = b.nodes("StringSplit", b["x"], outputs=2, delimiter=self.separator)
        places = lookup(b, pieces, Weight("entries"), texts=True, first=1, default=0)
        # Pieces that only fill up a shorter list are empty, as empty pieces are.
        empty = b.node("Equal", pieces, b.constant([""], DType.STRING))
        places = b.node("Where", empty, b.constant([-1], INT), places)
        places = b.node("Unsqueeze", places, b.constant([-1], INT))
        hits = cast(b, b.node("Equal", places, b.constant(range(self.num_classes), INT)), FLOAT)
        count = b.node("ReduceSum", hits, b.constant([1], INT), keepdims=0)
        return b.node("Min", count, b.scalar(1.0, FLOAT))
