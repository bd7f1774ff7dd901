"""`global_avg_pool`: the mean of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ops._global_pool import GlobalPool


@dataclass(frozen=True, kw_only=True)
class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all places.

        global_avg_pool          # [N, 512, 7, 7] -> [N, 512]

    Takes images of any size; a `linear` after it needs no `flatten`.

    Source: Lin, Chen and Yan, Network in network, 2013.
    """

    name: ClassVar[str] = "global_avg_pool"
    method: ClassVar[str] = "mean"
    onnx_type: ClassVar[str] = "GlobalAveragePool"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()
