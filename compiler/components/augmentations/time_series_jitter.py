"""Noisy series."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component


@component
class TimeSeriesJitter(Augmentation):
    """Adds noise to series, and stretches their values.

        augment: time_series_jitter(0.03, scale=0.1)

    y = (1 + scale * a) * x + std * b with normal numbers: one `a` for each value of a
    series over all of its time, a `b` for every number. It acts on what the network
    takes, after all steps of `preprocess`: for standardized values `std` is a share of
    their deviation.

    Arguments:
        std: the deviation of the noise
        scale: the deviation of the factor
        input: the input that is changed; where absent, the one that holds series

    Source: Um et al., "Data augmentation of wearable sensor data" (2017).
    """

    name: ClassVar[str] = "time_series_jitter"
    takes: ClassVar[Literal["images", "tokens", "series"]] = "series"

    std: NonNegative = 0.03
    scale: NonNegative = keyword(0.0)
