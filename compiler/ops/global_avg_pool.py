"""`global_avg_pool`: the mean of each channel."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._global_pool import GlobalPool
from dlc.compiler.record import component


@component
class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all places.

        global_avg_pool          # [N, 512, 7, 7] -> [N, 512]

    Takes images of any size; a `linear` after it needs no `flatten`.

    Source: Lin, Chen and Yan, Network in network, 2013.
    """

    name: ClassVar[str] = "global_avg_pool"
    method: ClassVar[str] = "mean"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def onnx(self, b: OnnxBuilder) -> str:
        # Two nodes rather than one ReduceMean: runtimes know and fuse them for images.
        return b.node("Flatten", b.node("GlobalAveragePool", b["x"]), axis=1)
