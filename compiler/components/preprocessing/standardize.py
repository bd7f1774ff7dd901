"""Standardization by fitted statistics."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._numbers import ScalingStep
from dlc.compiler.record import component


@component
class Standardize(ScalingStep):
    """Takes the mean away and divides by the standard deviation, per feature.

        preprocess: {measurements: standardize}

    y = (x - mean) / std, both fitted on the training part only, over all samples and all
    dims but one: the columns of a table, the channels of an image. The deviation is that of
    the population; a feature that never changes is divided by 1. Both are stored with the
    model and are part of the exported graph.

    Arguments:
        dim: the dim of the features; -1 is the last. Without such a dim all numbers are one
            feature
    """

    name: ClassVar[str] = "standardize"
    statistics: ClassVar[tuple[str, ...]] = ("mean", "std")
    shift: ClassVar[str | None] = "mean"
    divisor: ClassVar[str | None] = "std"

    dim: int = 1
