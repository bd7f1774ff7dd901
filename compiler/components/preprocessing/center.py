"""Centring by a fitted mean."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._numbers import ScalingStep
from dlc.compiler.record import component


@component
class Center(ScalingStep):
    """Takes the mean away, per feature.

        preprocess: {measurements: center}

    y = x - mean, the mean of the training part.

    Arguments:
        dim: the dim of the features: 1 for the columns of a table or the channels of an image;
            -1 is the last. Without such a dim all numbers are one feature
    """

    name: ClassVar[str] = "center"
    statistics: ClassVar[tuple[str, ...]] = ("mean",)
    shift: ClassVar[str | None] = "mean"

    dim: int = 1
