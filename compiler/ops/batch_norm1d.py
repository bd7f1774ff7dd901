"""`batch_norm1d`: batch normalization of vectors or sequences."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._batch_norm import BatchNorm
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class BatchNorm1d(BatchNorm):
    """Batch normalization of vectors or sequences, [N, C] or [N, C, L].

        linear(64, bias=false) -> batch_norm1d -> relu

    y = (x − mean) / √(variance + eps) · weight + bias, for each channel over the batch (and L).
    Training takes the batch's statistics and keeps a running mean of them; evaluation and
    export take the running ones. A training batch of one number a channel has no variance
    and is refused by PyTorch.

    Source: Ioffe and Szegedy, Batch normalization, 2015.
    """

    name: ClassVar[str] = "batch_norm1d"
    rank: ClassVar[int] = 1
    ranks: ClassVar[tuple[int, ...]] = (2, 3)
    layout: ClassVar[str] = "[N, C] or [N, C, L]"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(), {"x": float_tensor(n, 5)}),
            Example(cls(eps=1e-3), {"x": float_tensor(n, 5, symbol("T"))}),
            Example(cls(momentum=None), {"x": float_tensor(n, 5)}),
            Example(cls(track_running_stats=False), {"x": float_tensor(n, 5)}),
            Example(
                cls(affine=False, track_running_stats=False),
                {"x": float_tensor(n, 5, symbol("T"))},
            ),
        )
