"""Whether something holds anywhere or everywhere."""

from __future__ import annotations

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import BOOL, DType, TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops._broadcast import onnx_cast
from dlc.compiler.ops._reduction import Reduction, require_numbers
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Truth(Reduction):
    """A reduction of flags; a number is true where it is not 0."""

    def require(self, x: TensorType) -> None:
        require_numbers(self.name, x, bools=True)

    def result_dtype(self, dtype: DType) -> DType:
        return BOOL

    def onnx(self, b: OnnxBuilder) -> str:
        flag = onnx_cast(b, b["x"], b.inputs.x.dtype, BOOL)
        # Not every provider orders flags.
        number = b.node("Cast", flag, to=DType.INT32.onnx)
        return b.node("Cast", self.onnx_reduce(b, self.onnx_type, number), to=BOOL.onnx)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        flags = bool_tensor(n, t, 3)
        return (
            Example(cls(dim=-1), {"x": flags}),
            Example(cls(dim=(0, 2)), {"x": flags}),
            Example(cls(dim=1, keepdim=True), {"x": flags}),
            Example(cls(), {"x": flags}),
            Example(cls(dim=1), {"x": int_tensor(n, t)}, {"x": (0, 2)}),
            Example(cls(dim=1), {"x": float_tensor(n, 3)}),
        )
