"""`batch_norm2d`: batch normalization of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._batch_norm import BatchNorm
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class BatchNorm2d(BatchNorm):
    """Batch normalization of images, [N, C, H, W].

        conv2d(64, 3, padding=1, bias=false) -> batch_norm2d -> relu

    y = (x − mean) / √(variance + eps) · weight + bias, for each channel over the batch, H and W.
    Training takes the batch's statistics and keeps a running mean of them; evaluation and
    export take the running ones. A training batch of one number a channel has no variance
    and is refused by PyTorch.

    Source: Ioffe and Szegedy, Batch normalization, 2015.
    """

    name: ClassVar[str] = "batch_norm2d"
    rank: ClassVar[int] = 2
    ranks: ClassVar[tuple[int, ...]] = (4,)
    layout: ClassVar[str] = "[N, C, H, W]"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 4, 5)}),
            Example(cls(momentum=0.01), {"x": float_tensor(n, 3, symbol("H"), 4)}),
            Example(cls(affine=False, eps=1e-4), {"x": float_tensor(n, 3, 4, 5)}),
            Example(
                cls(track_running_stats=False),
                {"x": float_tensor(n, 3, symbol("H"), symbol("W"))},
            ),
        )
