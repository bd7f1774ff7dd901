"""`maximum`: the greater of two tensors, number by number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._pairwise import Chosen
from dlc.compiler.record import component


@component
class Maximum(Chosen):
    """The greater of two tensors, number by number.

        [a, b] -> maximum

    Sizes must agree; where one is the number 1 or is missing in front, it stretches. Equal
    numbers share the gradient. With a number in place of a tensor it is `clamp`; the greatest
    along a dim is `max`.
    """

    name: ClassVar[str] = "maximum"
    onnx_type: ClassVar[str] = "Max"
