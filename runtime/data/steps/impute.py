"""Fills of each feature, and which numbers were missing."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.runtime.data.steps._features import moments, spread
from dlc.runtime.data.steps._quantiles import quantiles
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class ImputeStep(Step[Impute]):
    def fit(self, step: Impute, chunks: Chunks) -> dict[str, Array]:
        if step.strategy == "median":
            (fill,), rank = quantiles(chunks, step.dim, (0.5,))
        else:
            found = moments(chunks, step.dim)
            fill, rank = np.where(found.count > 0, found.mean, np.nan), found.rank
        if step.strategy == "constant":
            fill = np.full_like(fill, step.value)
        empty = np.flatnonzero(np.isnan(fill))
        if len(empty):
            which = f"number {empty[0] + 1} of the input" if len(fill) > 1 else "the input"
            raise ComponentError(
                "E0606",
                f"no row of the training part has a value for {which}, so that it has no "
                f"{step.strategy}",
                help="leave the column out, or write `impute(constant)`",
            )
        return {"fill": spread(fill, step.dim, rank).astype(np.float32)}

    def apply(self, step: Impute, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32)
        missing = np.isnan(values)
        filled = np.where(missing, statistics["fill"], values)
        if not step.indicator:
            return filled
        return np.concatenate([filled, missing.astype(np.float32)], axis=step.dim)
