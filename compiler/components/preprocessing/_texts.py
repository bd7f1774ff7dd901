"""What the steps on texts share."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Path, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.types import INT, DType, TensorType
from dlc.compiler.record import component


@component
class TextStep(Preprocess):
    """A step on a column of texts."""

    where: ClassVar[Literal["host", "graph"]] = "host"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "texts are not read yet: store columns of numbers, such as the indices of words"
    )

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype is not DType.STRING:
            raise ComponentError(
                "E0406",
                f"`{self.name}` takes texts, and the column holds {x.dtype.spec_name}",
                help="leave the step out for a column of numbers",
            )
        return x


@component
class TokenStep(TextStep):
    """A step that cuts texts into pieces and gives the index of each.

    Arguments:
        vocabulary: how many pieces are kept, most frequent first, or a file that lists them
        max_length: pieces beyond this are cut off
    """

    vocabulary: Positive | Path = 30000
    max_length: Positive | None = None

    def infer(self, x: TensorType) -> TensorType:
        length: Dim = symbol("T", 1, self.max_length) if self.max_length else symbol("T")
        return TensorType(INT, (*TextStep.infer(self, x).shape, length))
