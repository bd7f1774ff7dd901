"""`adaptive_max_pool1d`: the largest numbers of evenly cut windows of sequences."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._adaptive_pool import AdaptiveMaxPool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest numbers of evenly cut windows of sequences, [N, C, L].

        adaptive_max_pool1d(8)          # [N, 64, 100] -> [N, 64, 8]

    The result has the same size whatever comes in. Window i of k over a side of n runs from
    ⌊i·n/k⌋ to ⌈(i + 1)·n/k⌉, so that windows may overlap. Export wants the size of the
    input fixed, or a result of 1.
    """

    name: ClassVar[str] = "adaptive_max_pool1d"
    rank: ClassVar[int] = 1

    output_size: Positive

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(output_size=4), {"x": float_tensor(n, 3, 8)}),
            Example(cls(output_size=4), {"x": float_tensor(n, 3, 10)}),
            Example(cls(output_size=1), {"x": float_tensor(n, 3, symbol("T"))}),
            Example(cls(output_size=5), {"x": float_tensor(n, 2, 3)}),
        )
