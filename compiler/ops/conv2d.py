"""`conv2d`: convolution over an image."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._conv import Conv
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Conv2d(Conv):
    """Convolution over an image, [N, C, H, W].

        conv2d(64, 3, stride=2, padding=1)       # [N, 3, 224, 224] -> [N, 64, 112, 112]

    Slides `out_channels` filters over the last two dims. A side of n becomes
    (n + 2·padding − dilation·(kernel_size − 1) − 1) // stride + 1.
    Even kernels with `same` get the odd row and column of padding at the end.

    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998.
    """

    name: ClassVar[str] = "conv2d"
    rank: ClassVar[int] = 2

    kernel_size: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] = 1
    padding: Natural | tuple[Natural, Natural] | Literal["same", "valid"] = 0
    dilation: Positive | tuple[Positive, Positive] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(
                cls(out_channels=6, kernel_size=5, padding=2), {"x": float_tensor(n, 1, 12, 12)}
            ),
            Example(
                cls(out_channels=4, kernel_size=3, stride=2, padding=1, bias=False),
                {"x": float_tensor(n, 3, symbol("H"), symbol("W"))},
            ),
            Example(
                cls(
                    out_channels=4,
                    kernel_size=(3, 2),
                    stride=(2, 1),
                    padding=(1, 0),
                    dilation=(1, 2),
                ),
                {"x": float_tensor(n, 4, 9, 8)},
            ),
            Example(
                cls(out_channels=4, kernel_size=4, padding="same"), {"x": float_tensor(n, 2, 7, 6)}
            ),
            Example(
                cls(out_channels=4, kernel_size=3, padding="valid", groups=2),
                {"x": float_tensor(n, 2, 7, 6)},
            ),
            Example(
                cls(out_channels=6, kernel_size=3, groups=6, padding=1, padding_mode="reflect"),
                {"x": float_tensor(n, 6, 5, 5)},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, padding=2, padding_mode="circular", stride=2),
                {"x": float_tensor(n, 2, 6, 5)},
            ),
            Example(
                cls(out_channels=4, kernel_size=4, padding="same", padding_mode="replicate"),
                {"x": float_tensor(n, 2, 6, 5)},
            ),
            Example(
                cls(
                    out_channels=4,
                    kernel_size=3,
                    padding=1,
                    groups=2,
                    padding_mode="reflect",
                    weight_norm=True,
                ),
                {"x": float_tensor(n, 2, 6, 5)},
            ),
            Example(
                cls(out_channels=4, kernel_size=2, stride=2, padding=1, spectral_norm=True),
                {"x": float_tensor(n, 4, symbol("H"), symbol("W"))},
            ),
        )
