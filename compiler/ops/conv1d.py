"""`conv1d`: convolution over a sequence of channels."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._conv import Conv
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Conv1d(Conv):
    """Convolution over a sequence of channels, [N, C, L].

        conv1d(64, 5, padding=same)              # [N, 16, 300] -> [N, 64, 300]

    Slides `out_channels` filters over the last dim. A side of n becomes
    (n + 2·padding − dilation·(kernel_size − 1) − 1) // stride + 1.
    Channels are dim 1: a text of [N, T, C] is turned first.

    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998.
    """

    name: ClassVar[str] = "conv1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive
    stride: Positive = 1
    padding: Natural | Literal["same", "valid"] = 0
    dilation: Positive = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(out_channels=4, kernel_size=3), {"x": float_tensor(n, 3, 9)}),
            Example(
                cls(out_channels=4, kernel_size=3, padding=1, stride=2),
                {"x": float_tensor(n, 3, symbol("T"))},
            ),
            Example(
                cls(out_channels=4, kernel_size=4, padding="same", dilation=2),
                {"x": float_tensor(n, 2, 11)},
            ),
            Example(
                cls(
                    out_channels=6,
                    kernel_size=3,
                    groups=3,
                    bias=False,
                    padding=1,
                    padding_mode="replicate",
                ),
                {"x": float_tensor(n, 3, symbol("T"))},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, padding=1, weight_norm=True),
                {"x": float_tensor(n, 3, symbol("T"))},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, groups=2, bias=False, spectral_norm=True),
                {"x": float_tensor(n, 4, 9)},
            ),
        )
