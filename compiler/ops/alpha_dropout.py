"""`alpha_dropout`: dropout that keeps mean 0 and variance 1."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Probability
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._dropout import TrainingOnly
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class AlphaDropout(TrainingOnly):
    """Dropout that keeps mean 0 and variance 1: the one for `selu`.

        linear(256, init=lecun_normal) -> selu -> alpha_dropout(0.1)

    While training each number becomes −1.7581, the floor of `selu`, with probability p; then
    a · x + b brings mean 0 and variance 1 back, with a = 1 / √((1 − p) (1 + 1.7581² p)) and
    b = 1.7581 · a p.

    Arguments:
        p: the probability of the floor

    Source: Klambauer et al., Self-normalizing neural networks, 2017.
    """

    name: ClassVar[str] = "alpha_dropout"

    p: Probability = 0.5

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # A factor for each number.
        return inputs.x.elements * inputs.x.dtype.bytes if self.p else 0

    def gain(self, inputs: Inputs) -> float:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t.module('nn.AlphaDropout', self.p)}({t['x']})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(p=0.3), {"x": float_tensor(n, t, 4)}),
            Example(cls(), {"x": float_tensor(n, 6)}),
            Example(cls(p=0.0), {"x": float_tensor(n, 6)}),
        )
