"""`adaptive_avg_pool3d`: the means of evenly cut windows of volumes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._adaptive_pool import AdaptiveAvgPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class AdaptiveAvgPool3d(AdaptiveAvgPool):
    """The means of evenly cut windows of volumes, [N, C, D, H, W].

        adaptive_avg_pool3d([1, 7, 7])  # [N, 512, 4, 9, 9] -> [N, 512, 1, 7, 7]

    The result has the same size whatever comes in. Window i of k over a side of n runs from
    ⌊i·n/k⌋ to ⌈(i + 1)·n/k⌉, so that windows may overlap. Export wants the size of a
    side fixed, or a result of 1.
    """

    name: ClassVar[str] = "adaptive_avg_pool3d"
    rank: ClassVar[int] = 3

    output_size: Positive | tuple[Positive | None, Positive | None, Positive | None]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(output_size=2), {"x": float_tensor(n, 2, 4, 6, 2)}),
            Example(cls(output_size=(1, 3, 2)), {"x": float_tensor(n, 2, 4, 7, 5)}),
            Example(cls(output_size=1), {"x": float_tensor(n, 2, symbol("T"), 3, 4)}),
            Example(cls(output_size=(2, 3, 4)), {"x": float_tensor(n, 2, 3, 3, 6)}),
            Example(cls(output_size=(None, 1, 3)), {"x": float_tensor(n, 2, symbol("T"), 3, 4)}),
        )
