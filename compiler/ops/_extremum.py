"""The greatest and the least over some dims."""

from __future__ import annotations

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import BOOL, DType, TensorType, bool_tensor, int_tensor
from dlc.compiler.ops._reduction import Reduction, require_numbers
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Extremum(Reduction):
    """The greatest or the least over some dims, of numbers or flags."""

    def require(self, x: TensorType) -> None:
        require_numbers(self.name, x, bools=True)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y") if inputs.x.dtype.is_float else ()

    def onnx(self, b: OnnxBuilder) -> str:
        if b.inputs.x.dtype is not BOOL:
            return super().onnx(b)
        # Not every provider orders flags.
        number = b.node("Cast", b["x"], to=DType.INT32.onnx)
        found = self.onnx_reduce(b, self.onnx_type, number)
        return b.node("Cast", found, to=BOOL.onnx)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            *super().examples(),
            Example(cls(dim=1), {"x": int_tensor(n, t)}, {"x": (-9, 9)}),
            Example(cls(dim=-1), {"x": bool_tensor(n, t)}),
        )
