"""`feature_alpha_dropout`: whole channels dropped, mean 0 and variance 1 kept."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Probability
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_least_rank
from dlc.compiler.ops._dropout import TrainingOnly
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class FeatureAlphaDropout(TrainingOnly):
    """Whole channels dropped while training, mean 0 and variance 1 kept: for `selu`.

        conv2d(64, 3, padding=1, init=lecun_normal) -> selu -> feature_alpha_dropout(0.1)

    As `alpha_dropout`, drawn once for each channel, dim 1, of each sample.

    Arguments:
        p: the probability of the floor

    Source: Klambauer et al., Self-normalizing neural networks, 2017.
    """

    name: ClassVar[str] = "feature_alpha_dropout"

    p: Probability = 0.5

    def infer(self, inputs: Inputs) -> TensorType:
        x = super().infer(inputs)
        require_least_rank(
            self.name,
            x,
            2,
            "[N, C, ...], channels being dim 1",
            help="use `alpha_dropout`, which drops single numbers",
        )
        return x

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # A factor for each channel.
        x = inputs.x
        return x.shape[0] * x.shape[1] * x.dtype.bytes if self.p else 0

    def gain(self, inputs: Inputs) -> float:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t.module('nn.FeatureAlphaDropout', self.p)}({t['x']})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, h, w = (symbol(name) for name in "NTHW")
        return (
            Example(cls(p=0.3), {"x": float_tensor(n, 6, h, w)}),
            Example(cls(), {"x": float_tensor(n, 6, t)}),
            Example(cls(p=0.2), {"x": float_tensor(n, 6)}),
            Example(cls(p=0.0), {"x": float_tensor(n, 6)}),
        )
