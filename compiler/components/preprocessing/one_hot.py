"""Indices as rows of zeros with a one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import cast
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, INT, Shape, TensorType
from dlc.compiler.record import component


@component
class OneHot(Preprocess):
    """Makes an index a row of zeros with a one at its place.

        preprocess: {city: ["vocabulary(max_size=50)", one_hot(50)]}

    A new dim comes last: `int[N]` becomes `float[N, 50]`. A row of the training part whose
    index has no place is refused; a later one becomes zeros.

    Arguments:
        num_classes: how many indices there are, from 0 on
    """

    name: ClassVar[str] = "one_hot"
    takes: ClassVar[Literal["numbers", "indices", "texts", "categories"]] = "indices"

    num_classes: Annotated[int, Ge(2)]

    def before(self, y: Shape) -> Shape:
        if len(y) < 2 or compare(y[-1], self.num_classes) is not Answer.EQUAL:
            wanted = f"{y[-1]} are wanted" if len(y) > 1 else "the input has no dim for them"
            raise ComponentError(
                "E0402",
                f"`{self.name}` gives {self.num_classes} numbers, and {wanted}",
                blame="num_classes",
                help=f"declare {self.num_classes} as the last size of the input",
            )
        return y[:-1]

    def infer(self, x: TensorType) -> TensorType:
        if not x.dtype.is_int:
            raise ComponentError(
                "E0406",
                f"`{self.name}` takes indices, and gets {x.dtype.spec_name}",
                help="put `vocabulary` before it for texts, `bucketize` for numbers",
            )
        return TensorType(FLOAT, (*x.shape, self.num_classes))

    def onnx(self, b: OnnxBuilder) -> str:
        # ONNX's own OneHot counts negative indices from the end.
        value = b["x"] if b.inputs.x.dtype is INT else cast(b, b["x"], INT)
        value = b.node("Unsqueeze", value, b.constant([-1], INT))
        places = b.constant(range(self.num_classes), INT)
        return cast(b, b.node("Equal", value, places), FLOAT)
