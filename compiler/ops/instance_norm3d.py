"""`instance_norm3d`: normalization of each channel of each sample of volumes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._instance_norm import InstanceNorm
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class InstanceNorm3d(InstanceNorm):
    """Normalization of each channel of each sample of volumes, [N, C, D, H, W].

        conv3d(32, 3, padding=1, bias=false) -> instance_norm3d -> leaky_relu

    y = (x − mean) / √(variance + eps), over D, H and W; with `affine`, times a weight plus a
    bias for each channel. The same in training and evaluation, and whatever the batch,
    unless running statistics are kept. One place has no variance and is refused.

    Source: Ulyanov, Vedaldi and Lempitsky, Instance normalization: the missing ingredient for
    fast stylization, 2016.
    """

    name: ClassVar[str] = "instance_norm3d"
    rank: ClassVar[int] = 3

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 2, 4, 3)}),
            Example(
                cls(affine=True, eps=1e-3),
                {"x": float_tensor(n, 3, symbol("T"), symbol("H"), symbol("W"))},
            ),
            Example(
                cls(momentum=0.2, affine=True, track_running_stats=True),
                {"x": float_tensor(n, 2, symbol("T"), 3, 2)},
            ),
            Example(cls(track_running_stats=True), {"x": float_tensor(n, 3, 2, 4, 3)}),
        )
