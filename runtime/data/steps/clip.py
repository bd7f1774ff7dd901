"""Bounds as given, or fitted by quantiles."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.clip import Clip
from dlc.runtime.data.steps._features import spread
from dlc.runtime.data.steps._quantiles import quantiles
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class ClipStep(Step[Clip]):
    def fit(self, step: Clip, chunks: Chunks) -> dict[str, Array]:
        if step.by == "value":
            return {}
        bounds = {"low": step.low, "high": step.high}
        shares = {name: share for name, share in bounds.items() if share is not None}
        found, rank = quantiles(chunks, step.dim, tuple(shares.values()))
        return {
            name: spread(bound, step.dim, rank).astype(np.float32)
            for name, bound in zip(shares, found, strict=True)
        }

    def apply(self, step: Clip, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32)
        if step.low is not None:
            values = np.maximum(values, statistics.get("low", np.float32(step.low)))
        if step.high is not None:
            values = np.minimum(values, statistics.get("high", np.float32(step.high)))
        return values
