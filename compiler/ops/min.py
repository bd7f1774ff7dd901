"""`min`: the least over some dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._extremum import Extremum
from dlc.compiler.record import component


@component
class Min(Extremum):
    """The least over some dims: `torch.amin`.

        x -> min(dim=1)              # [N, T, 256] -> [N, 256]

    Equal ones share the gradient. Where the least stands is `argmin`; the lesser of two
    tensors, number by number, is `minimum`.
    """

    name: ClassVar[str] = "min"
    method: ClassVar[str] = "amin"
    onnx_type: ClassVar[str] = "ReduceMin"
