"""`conv3d`: convolution over a volume or a clip."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._conv import Conv
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Conv3d(Conv):
    """Convolution over a volume or a clip, [N, C, D, H, W].

        conv3d(16, 3, stride=[1, 2, 2], padding=1)   # [N, 3, 8, 64, 64] -> [N, 16, 8, 32, 32]

    Slides `out_channels` filters over the last three dims. A side of n becomes
    (n + 2·padding − dilation·(kernel_size − 1) − 1) // stride + 1.
    For clips, dims are time, height and width.

    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998.
    """

    name: ClassVar[str] = "conv3d"
    rank: ClassVar[int] = 3

    kernel_size: Positive | tuple[Positive, Positive, Positive]
    stride: Positive | tuple[Positive, Positive, Positive] = 1
    padding: Natural | tuple[Natural, Natural, Natural] | Literal["same", "valid"] = 0
    dilation: Positive | tuple[Positive, Positive, Positive] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(
                cls(out_channels=4, kernel_size=3, padding=1), {"x": float_tensor(n, 2, 4, 5, 6)}
            ),
            Example(
                cls(out_channels=4, kernel_size=(1, 3, 2), stride=(1, 2, 2), groups=2, bias=False),
                {"x": float_tensor(n, 2, symbol("T"), 5, 6)},
            ),
            Example(
                cls(out_channels=4, kernel_size=2, padding="same", dilation=(1, 2, 1)),
                {"x": float_tensor(n, 2, 4, 5, 6)},
            ),
            Example(
                cls(out_channels=3, kernel_size=3, padding=1, padding_mode="replicate"),
                {"x": float_tensor(n, 2, 3, 4, 4)},
            ),
            Example(
                cls(out_channels=4, kernel_size=3, padding="same", weight_norm=True),
                {"x": float_tensor(n, 2, 3, 4, 4)},
            ),
            Example(
                cls(out_channels=4, kernel_size=2, padding=1, bias=False, spectral_norm=True),
                {"x": float_tensor(n, 2, symbol("T"), 4, 4)},
            ),
        )
