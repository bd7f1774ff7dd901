"""`one_hot`: a vector with a 1 at the place of an index."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import FLOAT, INT, TensorType, int_tensor
from dlc.compiler.ops._checks import require_int
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class OneHot(Op):
    """A vector for each index, 1 at its place and 0 elsewhere.

        color -> one_hot(12) -> linear(32)       # int[N] -> float[N, 12]

    Gives float, which is what the next layer takes; PyTorch's function gives int64. An index
    is at least 0 and below `num_classes`. With a learned matrix behind it `embedding` does
    the same and is faster.

    Arguments:
        num_classes: the size of the vectors
    """

    name: ClassVar[str] = "one_hot"

    num_classes: Positive

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_int(self.name, x)
        return TensorType(FLOAT, (*x.shape, self.num_classes))

    def index_limits(self) -> dict[str, int]:
        return {"x": self.num_classes}

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        x = t["x"] if t.inputs.x.dtype is INT else f"{t['x']}.long()"
        return f"F.one_hot({x}, {t.literal(self.num_classes)}).float()"

    def onnx(self, b: OnnxBuilder) -> str:
        depth = b.scalar(self.num_classes, INT)
        return b.node("OneHot", b["x"], depth, b.constant([0.0, 1.0], FLOAT), axis=-1)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(num_classes=5), {"x": int_tensor(n)}, {"x": (0, 5)}),
            Example(cls(num_classes=7), {"x": int_tensor(n, t, 2)}, {"x": (0, 7)}),
            Example(cls(num_classes=1), {"x": int_tensor(n, t)}, {"x": (0, 1)}),
        )
