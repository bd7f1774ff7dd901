"""`positions`: 0, 1, 2, ... along a sequence."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import require_least_rank
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Positions(Op):
    """The places along a sequence: 0 to T − 1.

        pos = tokens -> positions -> embedding(512, 768)      # [N, T] -> [T] -> [T, 768]
        tok + pos

    One row for the whole batch, which an addition stretches.
    """

    name: ClassVar[str] = "positions"

    def infer(self, inputs: Inputs) -> TensorType:
        require_least_rank(self.name, inputs.x, 2, "[N, T, ...]")
        return TensorType(INT, (inputs.x.shape[1],))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        return f"torch.arange({t['x']}.shape[1], device={t['x']}.device)"

    def onnx(self, b: OnnxBuilder) -> str:
        length = b.inputs.x.shape[1]
        if isinstance(length, int):
            return b.constant(range(length), INT)
        return b.node("Range", b.scalar(0, INT), b.dim(length), b.scalar(1, INT))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(), {"x": int_tensor(n, 5)}, {"x": (0, 9)}),
        )
