"""`instance_norm1d`: normalization of each channel of each sample of sequences."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._instance_norm import InstanceNorm
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class InstanceNorm1d(InstanceNorm):
    """Normalization of each channel of each sample of sequences, [N, C, L].

        conv1d(64, 5, bias=false) -> instance_norm1d -> relu

    y = (x − mean) / √(variance + eps), over all positions; with `affine`, times a weight plus a
    bias for each channel. The same in training and evaluation, and whatever the batch,
    unless running statistics are kept. One place has no variance and is refused.

    Source: Ulyanov, Vedaldi and Lempitsky, Instance normalization: the missing ingredient for
    fast stylization, 2016.
    """

    name: ClassVar[str] = "instance_norm1d"
    rank: ClassVar[int] = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 7)}),
            Example(cls(affine=True, eps=1e-3), {"x": float_tensor(n, 3, symbol("T"))}),
            Example(
                cls(momentum=0.2, affine=True, track_running_stats=True),
                {"x": float_tensor(n, 4, symbol("T"))},
            ),
            Example(cls(track_running_stats=True), {"x": float_tensor(n, 3, 7)}),
        )
