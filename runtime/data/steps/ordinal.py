"""Places in a given order."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.ordinal import Ordinal
from dlc.compiler.diagnostics.suggest import listed
from dlc.runtime.data.steps._categories import each, places
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class OrdinalStep(Step[Ordinal]):
    def fit(self, step: Ordinal, chunks: Chunks) -> dict[str, Array]:
        for chunk in chunks():
            known = set(_order(step, chunk).tolist())
            other = next((value for value in each(chunk) if value not in known), None)
            if other is not None:
                raise ComponentError(
                    "E0606",
                    f"`{other}` is in the training part and not in the order",
                    help=f"the order is {listed(step.order)}",
                )
        return {}

    def apply(self, step: Ordinal, values: Array, statistics: Statistics) -> Array:
        return places(values, _order(step, values), first=0, default=step.unknown)


def _order(step: Ordinal, values: Array) -> Array:
    if values.dtype == object:
        return np.array(step.order, dtype=object)
    return np.array([int(entry) for entry in step.order], dtype=np.int64)
