"""`tanhshrink`: what the hyperbolic tangent leaves of a number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Tanhshrink(Activation):
    """What the hyperbolic tangent leaves of a number.

        linear(64) -> tanhshrink

    y = x − tanh(x): flat around 0, where gradients vanish, and x ∓ 1 far from it.
    """

    name: ClassVar[str] = "tanhshrink"
    call: ClassVar[str] = "F.tanhshrink"
    mean_square: ClassVar[float | None] = 0.1829

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The tangent.
        return inputs.x.elements * inputs.x.dtype.bytes

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Sub", b["x"], b.node("Tanh", b["x"]))
