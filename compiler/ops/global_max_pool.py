"""`global_max_pool`: the largest number of each channel."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import DType
from dlc.compiler.ops._global_pool import GlobalPool
from dlc.compiler.record import component


@component
class GlobalMaxPool(GlobalPool):
    """The largest number of each channel over all places.

        global_max_pool          # [N, 512, 7, 7] -> [N, 512]

    Takes images of any size; a `linear` after it needs no `flatten`.
    """

    name: ClassVar[str] = "global_max_pool"
    method: ClassVar[str] = "amax"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y")

    def onnx(self, b: OnnxBuilder) -> str:
        axes = b.constant(range(2, b.inputs.x.rank), DType.INT64)
        return b.node("ReduceMax", b["x"], axes, keepdims=0)
