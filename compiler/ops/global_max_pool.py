"""`global_max_pool`: the largest number of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ops._global_pool import GlobalPool


@dataclass(frozen=True, kw_only=True)
class GlobalMaxPool(GlobalPool):
    """The largest number of each channel over all places.

        global_max_pool          # [N, 512, 7, 7] -> [N, 512]

    Takes images of any size; a `linear` after it needs no `flatten`.
    """

    name: ClassVar[str] = "global_max_pool"
    method: ClassVar[str] = "amax"
    onnx_type: ClassVar[str] = "GlobalMaxPool"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y")
