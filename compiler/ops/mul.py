"""`mul`: the product of two tensors, number by number, or of a tensor and a number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ops._broadcast import Arithmetic
from dlc.compiler.record import component


@component
class Mul(Arithmetic):
    """The product of two tensors, number by number, or of a tensor and a number.

        a * gate
        x * mask          # a bool or int mask counts as 0 and 1
        2 * x

    Sizes must agree; where one is the number 1 or is missing in front, it stretches. The
    matrix product is `a @ b`.
    """

    name: ClassVar[str] = "mul"
    sign: ClassVar[str] = "*"
    onnx_type: ClassVar[str] = "Mul"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        other = inputs.get("other")
        if other is None:
            return ()
        # A factor is kept for the gradient of the other one.
        return tuple(
            port for port, partner in (("x", other), ("other", inputs.x)) if partner.dtype.is_float
        )

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0 if self.scalar is None else self.scalar**2
