"""`gaussian_noise`: normal noise on every number, while training."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._dropout import TrainingOnly
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component

_HELPER = '''\
class GaussianNoise(nn.Module):
    """Adds normal noise while training."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x + self.std * torch.randn_like(x)
'''


@component
class GaussianNoise(TrainingOnly):
    """Normal noise on every number, while training; nothing in evaluation.

        pixels -> gaussian_noise(0.1) -> linear(64)      # a denoising autoencoder

    y = x + std · z with z normal of mean 0 and variance 1. Small noise on the inputs of a
    linear model does what an L2 penalty does.

    Arguments:
        std: the deviation of the noise, in the units of x

    Source: Bishop, Training with noise is equivalent to Tikhonov regularization, 1995.
    """

    name: ClassVar[str] = "gaussian_noise"

    std: NonNegative

    def gain(self, inputs: Inputs) -> float:
        return 1 + self.std**2

    def torch(self, t: TorchWriter) -> str:
        t.helper("GaussianNoise", _HELPER)
        return f"{t.module('GaussianNoise', self.std)}({t['x']})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(std=0.1), {"x": float_tensor(n, t, 4)}),
            Example(cls(std=2.0), {"x": float_tensor(n, 6)}),
            Example(cls(std=0.0), {"x": float_tensor(n, 6)}),
        )
