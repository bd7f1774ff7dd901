"""`lp_pool1d`: the power average of each window of sequences."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._lp_pool import LpPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class LpPool1d(LpPool):
    """The power average of each window of sequences, [N, C, L].

        lp_pool1d(2, 4)                        # [N, 8, 100] -> [N, 8, 25]

    y = (Σ xᵖ)^(1/p) with p = `norm_type`, over `kernel_size` places. A side of n becomes
    (n − kernel_size) // stride + 1; with `ceil_mode` the division rounds up, but a window
    never starts behind the end, and one that is cut off counts as if its mean filled it.
    As in PyTorch x is not made positive: where p is odd or no whole number, put `relu` or
    `abs` before it, or a negative sum has no root and gives NaN.
    """

    name: ClassVar[str] = "lp_pool1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive
    stride: Positive | None = None

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(norm_type=2.0, kernel_size=2), {"x": float_tensor(n, 3, 9)}),
            Example(
                cls(norm_type=2.0, kernel_size=3, stride=2, ceil_mode=True),
                {"x": float_tensor(n, 3, 9)},
            ),
            Example(
                cls(norm_type=4.0, kernel_size=4, stride=3),
                {"x": float_tensor(n, 3, symbol("T", 4))},
            ),
            Example(
                cls(norm_type=1.0, kernel_size=2, stride=3, ceil_mode=True),
                {"x": float_tensor(n, 3, symbol("T", 4))},
            ),
        )
