"""`mean`: the mean over some dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._reduction import Reduction
from dlc.compiler.ops.base import OpError
from dlc.compiler.record import component


@component
class Mean(Reduction):
    """The mean over some dims.

        x -> mean(dim=1)             # [N, T, 256] -> [N, 256]
        x -> mean(dim=[2, 3])        # of each channel, as `global_avg_pool`

    Of float only: whole numbers become float by `to(float)`. A padded text wants
    `masked_mean`.
    """

    name: ClassVar[str] = "mean"
    method: ClassVar[str] = "mean"
    onnx_type: ClassVar[str] = "ReduceMean"

    def require(self, x: TensorType) -> None:
        if not x.dtype.is_float:
            raise OpError(
                "E0406", f"`mean` takes float, got {x}", blame="x", help="write `to(float)` before"
            )

    def gain(self, inputs: Inputs) -> float | None:
        count = self.known_count(inputs)
        return None if count is None else 1 / count
