"""`masked_fill`: one number in every place that a mask names."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops._broadcast import broadcast
from dlc.compiler.ops._checks import require_bool
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component


@component
class MaskedFill(Op):
    """One number in every place where a mask is true; the others stay.

        padding = tokens -> eq(0) -> unsqueeze(1)         # bool[N, 1, T]
        scores -> masked_fill(-1e4, mask=padding) -> softmax

    -1e4 hides a score from `softmax` in every precision, and a row that is hidden throughout
    stays finite, which minus infinity would not. Both stretch as in `add`.

    Arguments:
        value: the number
    """

    name: ClassVar[str] = "masked_fill"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        Port("mask", "bool, true where the number goes"),
    )

    value: float

    def infer(self, inputs: Inputs) -> TensorType:
        x, mask = inputs.x, inputs["mask"]
        require_numbers(self.name, x)
        require_bool(self.name, mask, "mask")
        if x.dtype.is_int and not self.value.is_integer():
            raise OpError(
                "E0406",
                f"`masked_fill` of whole numbers takes a whole number, got {self.value:g} for {x}",
                blame="value",
                help="write `to(float)` before",
            )
        return x.with_shape(*broadcast(self.name, x, mask, "mask"))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("mask",) if inputs.x.dtype.is_float else ()

    def _number(self, x: TensorType) -> int | float:
        return int(self.value) if x.dtype.is_int else self.value

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.masked_fill({t['mask']}, {t.literal(self._number(t.inputs.x))})"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        return b.node("Where", b["mask"], b.scalar(self._number(x), x.dtype), b["x"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(value=-1e4), {"x": float_tensor(n, 3, t), "mask": bool_tensor(n, 1, t)}),
            Example(cls(value=0.0), {"x": float_tensor(n, t), "mask": bool_tensor(n, t)}),
            Example(cls(value=0.5), {"x": float_tensor(n, 1, t), "mask": bool_tensor(n, 3, 1)}),
            Example(
                cls(value=7.0), {"x": int_tensor(n, t), "mask": bool_tensor(n, t)}, {"x": (0, 5)}
            ),
        )
