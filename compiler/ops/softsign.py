"""`softsign`: a sign with a soft step."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Softsign(Activation):
    """A sign with a soft step, from -1 to 1.

        linear(64) -> softsign

    y = x / (1 + |x|). Nears its ends more slowly than `tanh`, so that gradients last longer.

    Source: Turian, Bergstra and Bengio, Quadratic features and deep architectures for
    chunking, 2009.
    """

    name: ClassVar[str] = "softsign"
    call: ClassVar[str] = "F.softsign"
    onnx_type: ClassVar[str] = "Softsign"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.183

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # What is divided by.
        return inputs.x.elements * inputs.x.dtype.bytes
