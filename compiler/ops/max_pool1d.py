"""`max_pool1d`: the largest number of each window of sequences."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._max_pool import MaxPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class MaxPool1d(MaxPool):
    """The largest number of each window of sequences, [N, C, L].

        max_pool1d(2)                          # [N, 8, 100] -> [N, 8, 50]

    A side of n becomes (n + 2·padding − kernel_size) // stride + 1, where a dilated kernel
    counts with its gaps; with `ceil_mode` the division rounds up, but a window never starts
    behind the end.
    Padding never wins: it counts as minus infinity.
    """

    name: ClassVar[str] = "max_pool1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive
    stride: Positive | None = None
    padding: Natural = 0
    dilation: Positive = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(kernel_size=2), {"x": float_tensor(n, 3, 9)}),
            Example(
                cls(kernel_size=3, stride=2, padding=1), {"x": float_tensor(n, 3, symbol("T", 4))}
            ),
            Example(
                cls(kernel_size=3, stride=2, padding=1, ceil_mode=True),
                {"x": float_tensor(n, 3, 9)},
            ),
            Example(cls(kernel_size=2, stride=3, ceil_mode=True), {"x": float_tensor(n, 3, 9)}),
            Example(
                cls(kernel_size=2, dilation=2, stride=1), {"x": float_tensor(n, 3, symbol("T", 4))}
            ),
            Example(
                cls(kernel_size=2, padding=1, return_indices=True),
                {"x": float_tensor(n, 3, symbol("T", 4))},
            ),
        )
