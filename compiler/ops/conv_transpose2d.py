"""`conv_transpose2d`: convolution over an image, backwards."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._conv_transpose import ConvTranspose
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class ConvTranspose2d(ConvTranspose):
    """Convolution over an image backwards, [N, C, H, W]: it makes sides larger.

        conv_transpose2d(64, 2, stride=2)      # [N, 128, 28, 28] -> [N, 64, 56, 56]

    Each number of the input lays a filter, weighted with it, into the result, `stride` places
    apart; what lies on each other is added. It is the gradient of a convolution with the same
    arguments. A side of n becomes (n − 1)·stride − 2·padding + dilation·(kernel_size − 1) +
    output_padding + 1: exactly twice its size for `kernel_size=2, stride=2`. A kernel that
    the stride does not divide is laid down unevenly, which shows as a checkerboard in images.
    The weight is [channels, out_channels / groups, ...] as in PyTorch, so that an
    initializer's fan in counts the second dim.

    Source: Zeiler et al., Deconvolutional networks, 2010.
    """

    name: ClassVar[str] = "conv_transpose2d"
    rank: ClassVar[int] = 2

    kernel_size: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] = 1
    padding: Natural | tuple[Natural, Natural] = 0
    output_padding: Natural | tuple[Natural, Natural] = 0
    dilation: Positive | tuple[Positive, Positive] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(
                cls(out_channels=4, kernel_size=2, stride=2),
                {"x": float_tensor(n, 3, symbol("H"), symbol("W"))},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, stride=2, padding=1, output_padding=1),
                {"x": float_tensor(n, 3, symbol("H"), 5)},
            ),
            Example(
                cls(
                    out_channels=4,
                    kernel_size=(3, 2),
                    stride=(2, 1),
                    padding=(1, 0),
                    output_padding=(0, 1),
                    bias=False,
                    dilation=(1, 2),
                ),
                {"x": float_tensor(n, 2, 4, 6)},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, groups=2, padding=2, dilation=2),
                {"x": float_tensor(n, 6, 5, 5)},
            ),
            Example(
                cls(out_channels=2, kernel_size=2, stride=2, dilation=4, output_padding=(3, 2)),
                {"x": float_tensor(n, 2, symbol("H"), 4)},
            ),
            Example(
                cls(out_channels=6, kernel_size=4, stride=2, padding=1, groups=6),
                {"x": float_tensor(n, 6, 3, 4)},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, stride=2, weight_norm=True),
                {"x": float_tensor(n, 3, symbol("H"), 5)},
            ),
            Example(
                cls(out_channels=4, kernel_size=2, groups=2, spectral_norm=True),
                {"x": float_tensor(n, 6, 3, 4)},
            ),
        )
