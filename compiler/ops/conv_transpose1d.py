"""`conv_transpose1d`: convolution over a sequence of channels, backwards."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._conv_transpose import ConvTranspose
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class ConvTranspose1d(ConvTranspose):
    """Convolution over a sequence of channels backwards, [N, C, L]: it makes sides larger.

        conv_transpose1d(64, 4, stride=2, padding=1)  # [N, 128, 75] -> [N, 64, 150]

    Each number of the input lays a filter, weighted with it, into the result, `stride` places
    apart; what lies on each other is added. It is the gradient of a convolution with the same
    arguments. A side of n becomes (n − 1)·stride − 2·padding + dilation·(kernel_size − 1) +
    output_padding + 1: exactly twice its size for `kernel_size=2, stride=2`. Channels are dim
    1: a text of [N, T, C] is turned first. The weight is [channels, out_channels / groups,
    ...] as in PyTorch, so that an initializer's fan in counts the second dim.

    Source: Zeiler et al., Deconvolutional networks, 2010.
    """

    name: ClassVar[str] = "conv_transpose1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive
    stride: Positive = 1
    padding: Natural = 0
    output_padding: Natural = 0
    dilation: Positive = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(out_channels=4, kernel_size=3), {"x": float_tensor(n, 3, 9)}),
            Example(
                cls(out_channels=4, kernel_size=4, stride=2, padding=1),
                {"x": float_tensor(n, 3, symbol("T"))},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, stride=3, output_padding=2, bias=False),
                {"x": float_tensor(n, 2, symbol("T"))},
            ),
            Example(
                cls(out_channels=6, kernel_size=3, groups=3, dilation=2, output_padding=1),
                {"x": float_tensor(n, 3, 7)},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, stride=2, weight_norm=True),
                {"x": float_tensor(n, 3, symbol("T"))},
            ),
            Example(
                cls(out_channels=5, kernel_size=3, bias=False, spectral_norm=True),
                {"x": float_tensor(n, 3, 7)},
            ),
        )
