"""`conv_transpose3d`: convolution over a volume or a clip, backwards."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._conv_transpose import ConvTranspose
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class ConvTranspose3d(ConvTranspose):
    """Convolution over a volume or a clip backwards, [N, C, D, H, W]: it makes sides larger.

        conv_transpose3d(16, 2, stride=2)      # [N, 32, 4, 28, 28] -> [N, 16, 8, 56, 56]

    Each number of the input lays a filter, weighted with it, into the result, `stride` places
    apart; what lies on each other is added. It is the gradient of a convolution with the same
    arguments. A side of n becomes (n − 1)·stride − 2·padding + dilation·(kernel_size − 1) +
    output_padding + 1: exactly twice its size for `kernel_size=2, stride=2`. For clips, dims
    are time, height and width. The weight is [channels, out_channels / groups, ...] as in
    PyTorch, so that an initializer's fan in counts the second dim.

    Source: Zeiler et al., Deconvolutional networks, 2010.
    """

    name: ClassVar[str] = "conv_transpose3d"
    rank: ClassVar[int] = 3

    kernel_size: Positive | tuple[Positive, Positive, Positive]
    stride: Positive | tuple[Positive, Positive, Positive] = 1
    padding: Natural | tuple[Natural, Natural, Natural] = 0
    output_padding: Natural | tuple[Natural, Natural, Natural] = 0
    dilation: Positive | tuple[Positive, Positive, Positive] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(
                cls(out_channels=4, kernel_size=2, stride=2),
                {"x": float_tensor(n, 2, 3, symbol("H"), symbol("W"))},
            ),
            Example(
                cls(
                    out_channels=4,
                    kernel_size=(1, 3, 2),
                    stride=(1, 2, 2),
                    padding=(0, 1, 0),
                    output_padding=(0, 1, 0),
                    groups=2,
                    bias=False,
                ),
                {"x": float_tensor(n, 2, symbol("T"), 4, 3)},
            ),
            Example(
                cls(out_channels=3, kernel_size=2, dilation=2, padding=1),
                {"x": float_tensor(n, 2, 3, 4, 4)},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, bias=False, weight_norm=True),
                {"x": float_tensor(n, 2, 3, 4, 4)},
            ),
            Example(
                cls(out_channels=4, kernel_size=2, stride=2, spectral_norm=True),
                {"x": float_tensor(n, 2, 3, symbol("H"), 4)},
            ),
        )
