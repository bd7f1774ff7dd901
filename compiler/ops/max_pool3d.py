"""`max_pool3d`: the largest number of each window of volumes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._max_pool import MaxPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class MaxPool3d(MaxPool):
    """The largest number of each window of volumes, [N, C, D, H, W].

        max_pool3d([1, 2, 2])                  # [N, 8, 4, 28, 28] -> [N, 8, 4, 14, 14]

    A side of n becomes (n + 2·padding − kernel_size) // stride + 1, where a dilated kernel
    counts with its gaps; with `ceil_mode` the division rounds up, but a window never starts
    behind the end.
    Padding never wins: it counts as minus infinity.
    """

    name: ClassVar[str] = "max_pool3d"
    rank: ClassVar[int] = 3

    kernel_size: Positive | tuple[Positive, Positive, Positive]
    stride: Positive | tuple[Positive, Positive, Positive] | None = None
    padding: Natural | tuple[Natural, Natural, Natural] = 0
    dilation: Positive | tuple[Positive, Positive, Positive] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(kernel_size=2), {"x": float_tensor(n, 2, 5, 6, 4)}),
            Example(
                cls(kernel_size=3, stride=2, padding=1),
                {"x": float_tensor(n, 2, symbol("T", 4), 5, 6)},
            ),
            Example(
                cls(kernel_size=3, stride=2, padding=1, ceil_mode=True),
                {"x": float_tensor(n, 2, 5, 6, 4)},
            ),
            Example(
                cls(kernel_size=2, stride=3, ceil_mode=True), {"x": float_tensor(n, 2, 5, 6, 4)}
            ),
            Example(
                cls(kernel_size=2, dilation=2, stride=1),
                {"x": float_tensor(n, 2, symbol("T", 4), 5, 6)},
            ),
            Example(cls(kernel_size=(1, 2, 2)), {"x": float_tensor(n, 2, 5, 6, 4)}),
            Example(
                cls(kernel_size=(1, 2, 2), return_indices=True),
                {"x": float_tensor(n, 2, symbol("T", 4), 5, 6)},
            ),
        )
