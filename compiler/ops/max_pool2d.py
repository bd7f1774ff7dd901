"""`max_pool2d`: the largest number of each window of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._max_pool import MaxPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class MaxPool2d(MaxPool):
    """The largest number of each window of images, [N, C, H, W].

        max_pool2d(3, stride=2, padding=1)     # [N, 64, 112, 112] -> [N, 64, 56, 56]

    A side of n becomes (n + 2·padding − kernel_size) // stride + 1, where a dilated kernel
    counts with its gaps; with `ceil_mode` the division rounds up, but a window never starts
    behind the end.
    Padding never wins: it counts as minus infinity.
    """

    name: ClassVar[str] = "max_pool2d"
    rank: ClassVar[int] = 2

    kernel_size: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] | None = None
    padding: Natural | tuple[Natural, Natural] = 0
    dilation: Positive | tuple[Positive, Positive] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(kernel_size=2), {"x": float_tensor(n, 3, 9, 8)}),
            Example(
                cls(kernel_size=3, stride=2, padding=1),
                {"x": float_tensor(n, 3, symbol("H", 4), 7)},
            ),
            Example(
                cls(kernel_size=3, stride=2, padding=1, ceil_mode=True),
                {"x": float_tensor(n, 3, 9, 8)},
            ),
            Example(cls(kernel_size=2, stride=3, ceil_mode=True), {"x": float_tensor(n, 3, 9, 8)}),
            Example(
                cls(kernel_size=2, dilation=2, stride=1),
                {"x": float_tensor(n, 3, symbol("H", 4), 7)},
            ),
            Example(
                cls(kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)),
                {"x": float_tensor(n, 3, 9, 8)},
            ),
            Example(
                cls(kernel_size=2, stride=2, padding=1, ceil_mode=True),
                {"x": float_tensor(n, 3, 9, 8)},
            ),
            Example(
                cls(kernel_size=2, dilation=3, padding=1, stride=2, ceil_mode=True),
                {"x": float_tensor(n, 3, 9, 8)},
            ),
            Example(
                cls(kernel_size=3, stride=2, padding=1, ceil_mode=True, return_indices=True),
                {"x": float_tensor(n, 3, symbol("H", 4), 7)},
            ),
            Example(
                cls(
                    kernel_size=2,
                    stride=2,
                    padding=1,
                    dilation=3,
                    ceil_mode=True,
                    return_indices=True,
                ),
                {"x": float_tensor(n, 3, symbol("H", 4), 8)},
            ),
        )
