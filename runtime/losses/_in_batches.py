"""Losses that depend on what else is in the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlc.runtime.metrics.base import Array, Measure, State, Types

#: The rows that are measured together, in their order.
GROUP = 256


class InBatches(Measure[Any]):
    """Keeps the vectors, since a chunk may end within a group."""

    lists: ClassVar[frozenset[str]] = frozenset({"a", "b"})

    def of(self, loss: Any, a: Array, b: Array) -> float:
        """The mean of a group, of unit vectors [rows, D]."""
        raise NotImplementedError(loss.name)

    def observe(self, metric: Any, values: Mapping[str, Array], types: Types) -> State:
        return {"a": _unit(values[metric.input1]), "b": _unit(values[metric.input2])}

    def figure(self, metric: Any, state: State, types: Types) -> float:
        a, b = state["a"], state["b"]
        total = 0.0
        for start in range(0, len(a), GROUP):
            rows = slice(start, start + GROUP)
            total += self.of(metric, a[rows], b[rows]) * len(a[rows])
        return total / len(a) if len(a) else float("nan")


def _unit(x: Array) -> Array:
    vectors = x.astype(np.float64)
    found: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return found
