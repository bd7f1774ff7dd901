"""`max`: the greatest over some dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._extremum import Extremum
from dlc.compiler.record import component


@component
class Max(Extremum):
    """The greatest over some dims: `torch.amax`.

        x -> max(dim=1)              # [N, T, 256] -> [N, 256]
        x -> max(dim=[2, 3])         # of each channel, as `global_max_pool`

    Equal ones share the gradient. Where the greatest stands is `argmax`; the greater of two
    tensors, number by number, is `maximum`.
    """

    name: ClassVar[str] = "max"
    method: ClassVar[str] = "amax"
    onnx_type: ClassVar[str] = "ReduceMax"
