"""`batch_norm3d`: batch normalization of volumes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._batch_norm import BatchNorm
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class BatchNorm3d(BatchNorm):
    """Batch normalization of volumes, [N, C, D, H, W].

        conv3d(16, 3, padding=1, bias=false) -> batch_norm3d -> relu

    y = (x − mean) / √(variance + eps) · weight + bias, for each channel over the
    batch and the three spatial dims. Training takes the batch's statistics and keeps a
    running mean of them; evaluation and export take the running ones. A training batch of
    one number a channel has no variance and is refused by PyTorch.

    Source: Ioffe and Szegedy, Batch normalization, 2015.
    """

    name: ClassVar[str] = "batch_norm3d"
    rank: ClassVar[int] = 3
    ranks: ClassVar[tuple[int, ...]] = (5,)
    layout: ClassVar[str] = "[N, C, D, H, W]"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 2, 4, 3)}),
            Example(cls(affine=False), {"x": float_tensor(n, 3, symbol("T"), 4, 2)}),
            Example(cls(momentum=None), {"x": float_tensor(n, 3, 2, 4, 3)}),
            Example(
                cls(affine=False, track_running_stats=False),
                {"x": float_tensor(n, 3, symbol("T"), 4, 2)},
            ),
        )
