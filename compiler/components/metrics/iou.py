"""Intersection over union."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._averaged import AveragedMetric
from dlc.compiler.record import component


@component
class Iou(AveragedMetric):
    """Intersection over union, the Jaccard index: what was said and is true, over what was either.

        metrics: iou(mask, mask_truth, ignore_index=255)

    For each class TP / (TP + FP + FN), over the pixels of all samples together; the mean over
    classes is known as mIoU. A class that is neither true nor said is left out of it.

    Source: Jaccard, "The distribution of the flora in the alpine zone" (1912).
    """

    name: ClassVar[str] = "iou"
