"""Categories that have an order."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._categories import CategoryStep, lookup
from dlc.compiler.components.preprocessing._numbers import cast
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import INT, DType, TensorType
from dlc.compiler.record import component


@component
class Ordinal(CategoryStep):
    """Gives each category its place in a given order.

        preprocess: {size: "ordinal([small, medium, large])"}

    y = 0 for the first, 1 for the second, and so on. A row of the training part with another
    category is refused; later ones become `unknown`.

    Arguments:
        order: the categories in their order; whole numbers where the column has such
        unknown: the index of a category that is not listed
    """

    name: ClassVar[str] = "ordinal"

    order: tuple[str, ...]
    unknown: int = -1

    def validate(self) -> None:
        twice = next((word for word in self.order if self.order.count(word) > 1), None)
        if twice is not None:
            raise ComponentError(
                "E0203",
                f"`{twice}` stands in the order twice",
                blame="order",
                help="give each category one place",
            )
        if len(self.order) < 2:
            raise ComponentError(
                "E0302",
                f"an order of {len(self.order)}",
                blame="order",
                help="list the categories, the least first",
            )

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype is not DType.STRING:
            words = (word for word in self.order if not word.lstrip("-").isdecimal())
            if (word := next(words, None)) is not None:
                raise ComponentError(
                    "E0406",
                    f"the column holds whole numbers, and the order has `{word}`",
                    blame="order",
                    help="list the numbers of the column",
                )
        return CategoryStep.infer(self, x)

    def onnx(self, b: OnnxBuilder) -> str:
        texts = b.inputs.x.dtype is DType.STRING
        value = b["x"] if texts or b.inputs.x.dtype is INT else cast(b, b["x"], INT)
        return lookup(b, value, self.order, texts=texts, first=0, default=self.unknown)
