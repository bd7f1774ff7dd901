"""`avg_pool2d`: the mean of each window of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._avg_pool import AvgPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class AvgPool2d(AvgPool):
    """The mean of each window of images, [N, C, H, W].

        avg_pool2d(2)                          # [N, 6, 28, 28] -> [N, 6, 14, 14]

    A side of n becomes (n + 2·padding − kernel_size) // stride + 1;
    with `ceil_mode` the division rounds up, but a window never starts behind the end.
    Border windows with padding average over its zeros too, unless `count_include_pad` is
    false; a window cut off by `ceil_mode` averages over what is there.
    With `divisor_override=1` the windows are summed up.

    Arguments:
        divisor_override: what the sum of each window is divided by, whatever is in it
    """

    name: ClassVar[str] = "avg_pool2d"
    rank: ClassVar[int] = 2

    kernel_size: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] | None = None
    padding: Natural | tuple[Natural, Natural] = 0
    divisor_override: Positive | None = None

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
            Example(
                cls(kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
                {"x": float_tensor(n, 3, symbol("H", 4), 7)},
            ),
            Example(cls(kernel_size=2, stride=3, ceil_mode=True), {"x": float_tensor(n, 3, 9, 8)}),
            Example(
                cls(kernel_size=3, stride=3, padding=1, count_include_pad=False),
                {"x": float_tensor(n, 3, 9, 8)},
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
                cls(kernel_size=2, stride=2, padding=1, ceil_mode=True, divisor_override=3),
                {"x": float_tensor(n, 3, 9, 8)},
            ),
            Example(
                cls(kernel_size=2, ceil_mode=True, divisor_override=4),
                {"x": float_tensor(n, 3, symbol("H", 4), 7)},
            ),
            Example(
                cls(kernel_size=3, padding=1, count_include_pad=False, divisor_override=1),
                {"x": float_tensor(n, 3, symbol("H", 4), 7)},
            ),
        )
