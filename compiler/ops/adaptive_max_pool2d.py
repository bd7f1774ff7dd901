"""`adaptive_max_pool2d`: the largest numbers of evenly cut windows of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._adaptive_pool import AdaptiveMaxPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest numbers of evenly cut windows of images, [N, C, H, W].

        adaptive_max_pool2d(7)          # [N, 512, 9, 12] -> [N, 512, 7, 7]

    The result has the same size whatever comes in. Window i of k over a side of n runs from
    ⌊i·n/k⌋ to ⌈(i + 1)·n/k⌉, so that windows may overlap. Export wants the size of a
    side fixed, or a result of 1.
    """

    name: ClassVar[str] = "adaptive_max_pool2d"
    rank: ClassVar[int] = 2

    output_size: Positive | tuple[Positive | None, Positive | None]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(output_size=3), {"x": float_tensor(n, 3, 9, 6)}),
            Example(cls(output_size=(3, 2)), {"x": float_tensor(n, 3, 7, 5)}),
            Example(cls(output_size=1), {"x": float_tensor(n, 3, symbol("H"), symbol("W"))}),
            Example(cls(output_size=(4, 5)), {"x": float_tensor(n, 2, 6, 5)}),
            Example(cls(output_size=(None, 2)), {"x": float_tensor(n, 3, symbol("H"), 6)}),
            Example(
                cls(output_size=(1, None)), {"x": float_tensor(n, 3, symbol("H"), symbol("W"))}
            ),
            Example(cls(output_size=(1, 3)), {"x": float_tensor(n, 3, symbol("H"), 5)}),
        )
