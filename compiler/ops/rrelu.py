"""`rrelu`: the rectifier with random slopes for negative numbers while training."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component

_LOWER, _UPPER = 1 / 8, 1 / 3


@component
class Rrelu(Activation):
    """The rectifier with random slopes for negative numbers while training.

        conv2d(64, 3, padding=1) -> rrelu

    y = x where x ≥ 0, else slope · x. Training draws a slope between `lower` and `upper` for
    each number; evaluation and export take (lower + upper) / 2.

    Arguments:
        lower: the least slope
        upper: the greatest slope

    Source: Xu et al., Empirical evaluation of rectified activations in convolutional
    network, 2015.
    """

    name: ClassVar[str] = "rrelu"
    kept: ClassVar[str] = "x"

    lower: float = _LOWER
    upper: float = _UPPER

    def validate(self) -> None:
        if self.lower > self.upper:
            raise OpError(
                "E0310",
                f"`lower` is greater than `upper`, got {self.lower:g} and {self.upper:g}",
                blame="lower" if self.lower != _LOWER else "upper",
                help="give the lesser slope first: `rrelu(0.1, 0.3)`",
            )

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The slopes.
        return inputs.x.elements * inputs.x.dtype.bytes

    def gain(self, inputs: Inputs) -> float:
        # The mean square of a slope, of which half of the numbers get one.
        slopes = (self.lower**2 + self.lower * self.upper + self.upper**2) / 3
        return (1 + slopes) / 2

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {}
        if self.lower != _LOWER:
            options["lower"] = self.lower
        if self.upper != _UPPER:
            options["upper"] = self.upper
        return f"{t.module('nn.RReLU', **options)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("LeakyRelu", b["x"], alpha=(self.lower + self.upper) / 2)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            *super().examples(),
            Example(cls(lower=0.1, upper=0.5), {"x": float_tensor(n, 4)}),
            Example(cls(lower=0.2, upper=0.2), {"x": float_tensor(n, 4)}),
        )
