"""`minimum`: the lesser of two tensors, number by number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._pairwise import Chosen
from dlc.compiler.record import component


@component
class Minimum(Chosen):
    """The lesser of two tensors, number by number.

        [a, b] -> minimum

    Sizes must agree; where one is the number 1 or is missing in front, it stretches. Equal
    numbers share the gradient. With a number in place of a tensor it is `clamp`; the least
    along a dim is `min`.
    """

    name: ClassVar[str] = "minimum"
    onnx_type: ClassVar[str] = "Min"
