"""The greater or the lesser of two tensors, number by number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._broadcast import broadcast, onnx_cast, promote
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class Chosen(Op):
    """One of two numbers, in each place."""

    ports: ClassVar[tuple[Port, ...]] = (Port("x"), Port("other", "the second tensor"))
    onnx_type: ClassVar[str]

    def infer(self, inputs: Inputs) -> TensorType:
        x, other = inputs.x, inputs["other"]
        require_numbers(self.name, x)
        require_numbers(self.name, other, "other")
        return TensorType(promote(self.name, x.dtype, other.dtype), broadcast(self.name, x, other))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        floats = inputs.x.dtype.is_float or inputs["other"].dtype.is_float
        return ("x", "other") if floats else ()

    def gain(self, inputs: Inputs) -> float | None:
        # The squares of the greater and the lesser add up to those of both.
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"torch.{self.name}({t['x']}, {t['other']})"

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.results[0].dtype
        return b.node(
            self.onnx_type,
            onnx_cast(b, b["x"], b.inputs.x.dtype, dtype),
            onnx_cast(b, b["other"], b.inputs["other"].dtype, dtype),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 3, t), "other": float_tensor(n, 3, t)}),
            Example(cls(), {"x": float_tensor(n, t, 4), "other": float_tensor(n, 1, 4)}),
            Example(cls(), {"x": float_tensor(n, 4), "other": int_tensor(n, 1)}, {"other": (0, 2)}),
            Example(
                cls(),
                {"x": int_tensor(n, t), "other": int_tensor(t)},
                {"x": (-9, 9), "other": (-9, 9)},
            ),
        )
