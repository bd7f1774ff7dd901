"""`lp_pool3d`: the power average of each window of volumes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._lp_pool import LpPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class LpPool3d(LpPool):
    """The power average of each window of volumes, [N, C, D, H, W].

        lp_pool3d(2, 2)                        # [N, 8, 4, 28, 28] -> [N, 8, 2, 14, 14]

    y = (Σ xᵖ)^(1/p) with p = `norm_type`, over `kernel_size` places. A side of n becomes
    (n − kernel_size) // stride + 1; with `ceil_mode` the division rounds up, but a window
    never starts behind the end, and one that is cut off counts as if its mean filled it.
    As in PyTorch x is not made positive: where p is odd or no whole number, put `relu` or
    `abs` before it, or a negative sum has no root and gives NaN.
    """

    name: ClassVar[str] = "lp_pool3d"
    rank: ClassVar[int] = 3
    fits_unpadded: ClassVar[bool] = True

    kernel_size: Positive | tuple[Positive, Positive, Positive]
    stride: Positive | tuple[Positive, Positive, Positive] | None = None

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(norm_type=2.0, kernel_size=2), {"x": float_tensor(n, 2, 5, 6, 4)}),
            Example(
                cls(norm_type=2.0, kernel_size=3, stride=2, ceil_mode=True),
                {"x": float_tensor(n, 2, 5, 6, 4)},
            ),
            Example(
                cls(norm_type=4.0, kernel_size=(1, 3, 2), stride=(1, 2, 2)),
                {"x": float_tensor(n, 2, symbol("T", 4), 5, 6)},
            ),
            Example(
                cls(norm_type=1.0, kernel_size=2, stride=3, ceil_mode=True),
                {"x": float_tensor(n, 2, symbol("T", 4), 5, 6)},
            ),
        )
