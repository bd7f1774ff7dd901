"""Rows of zeros with a one."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.one_hot import OneHot
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class OneHotStep(Step[OneHot]):
    def fit(self, step: OneHot, chunks: Chunks) -> dict[str, Array]:
        for chunk in chunks():
            wrong = (chunk < 0) | (chunk >= step.num_classes)
            if wrong.any():
                raise ComponentError(
                    "E0606",
                    f"the training part has the index {chunk[wrong][0]}, and "
                    f"`one_hot({step.num_classes})` has places from 0 to {step.num_classes - 1}",
                    help="give more classes, or fewer indices: `vocabulary(max_size="
                    f"{step.num_classes})`",
                )
        return {}

    def apply(self, step: OneHot, values: Array, statistics: Statistics) -> Array:
        places = np.arange(step.num_classes, dtype=np.int64)
        found: Array = (values.astype(np.int64)[..., None] == places).astype(np.float32)
        return found
