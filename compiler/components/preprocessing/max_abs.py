"""Scaling by the greatest absolute value."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._numbers import ScalingStep
from dlc.compiler.record import component


@component
class MaxAbs(ScalingStep):
    """Divides by the greatest absolute value, per feature.

        preprocess: {counts: max_abs}

    y = x / max |x|, over the training part, which then lies in -1..1. Zeros stay zeros. A
    feature of zeros alone is divided by 1.

    Arguments:
        dim: the dim of the features: 1 for the columns of a table or the channels of an image;
            -1 is the last. Without such a dim all numbers are one feature
    """

    name: ClassVar[str] = "max_abs"
    statistics: ClassVar[tuple[str, ...]] = ("greatest",)
    divisor: ClassVar[str | None] = "greatest"

    dim: int = 1
