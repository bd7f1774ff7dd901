"""`dropout`: random zeros while training."""

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
class Dropout(TrainingOnly):
    """Random zeros while training; nothing in evaluation.

        linear(120) -> relu -> dropout(0.5)
        pixels -> dropout(0.2) -> linear(800)      # on what comes in

    Each number becomes 0 with probability p; the others are divided by 1 − p, so that the
    mean stays.

    Arguments:
        p: the probability of a zero

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from
    overfitting, 2014.
    """

    name: ClassVar[str] = "dropout"
    exemptions: ClassVar[dict[str, str]] = {
        "saved_bytes": "a CPU keeps the mask as floats, an accelerator as bytes",
    }

    p: Probability = 0.5

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The mask as an accelerator keeps it: that is where memory is short.
        return inputs.x.elements if self.p else 0

    def gain(self, inputs: Inputs) -> float:
        return 1 / (1 - self.p)

    def torch(self, t: TorchWriter) -> str:
        return f"{t.module('nn.Dropout', self.p)}({t['x']})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(p=0.3), {"x": float_tensor(n, t, 4)}),
            Example(cls(), {"x": float_tensor(n, 6)}),
        )
