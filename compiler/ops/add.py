"""`add`: the sum of two tensors, or of a tensor and a number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ops._broadcast import Arithmetic
from dlc.compiler.record import component


@component
class Add(Arithmetic):
    """The sum of two tensors, or of a tensor and a number.

        a + b
        [a, b] -> add
        x + 1

    Sizes must agree; where one is the number 1 or is missing in front, it stretches. Two
    sizes with different names never do.
    """

    name: ClassVar[str] = "add"
    sign: ClassVar[str] = "+"
    onnx_type: ClassVar[str] = "Add"

    def gain(self, inputs: Inputs) -> float | None:
        return 2.0 if self.scalar is None else 1.0 + self.scalar**2
