"""Intersection over union."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics.iou import Iou
from dlc.runtime.metrics._counts import AveragedMeasure
from dlc.runtime.metrics.base import Array


class IouMeasure(AveragedMeasure[Iou]):
    """TP / (TP + FP + FN)."""

    ignored_is_pooled: ClassVar[bool] = False

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        return right, said + true - right
