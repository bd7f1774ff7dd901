"""Intervals: edges as given, or fitted by quantiles or width."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.bucketize import Bucketize
from dlc.runtime.data.steps._features import moments, spread
from dlc.runtime.data.steps._quantiles import quantiles
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step

# Edges nearer to each other than this are one, as scikit-learn's KBinsDiscretizer has it.
_WIDTH = 1e-8


class BucketizeStep(Step[Bucketize]):
    def fit(self, step: Bucketize, chunks: Chunks) -> dict[str, Array]:
        if step.buckets is None:
            return {}
        shares = np.linspace(0, 1, step.buckets + 1)
        if step.strategy == "quantile":
            edges, rank = quantiles(chunks, step.dim, shares.tolist())
        else:
            found = moments(chunks, step.dim)
            edges, rank = np.linspace(found.low, found.high, step.buckets + 1), found.rank
        inner = np.stack([_inner(column) for column in edges.T])
        shape = spread(edges[0], step.dim, rank).shape
        return {"edges": inner.reshape(*shape, inner.shape[1])}

    def apply(self, step: Bucketize, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32)
        edges = statistics.get("edges")
        if edges is None:
            edges = np.array(step.edges, np.float32)
            found: Array = np.searchsorted(edges, values, side="right").astype(np.int64)
            return found
        reached = np.zeros(values.shape, np.int64)
        for index in range(edges.shape[-1]):
            reached += values >= edges[..., index]
        return reached


def _inner(edges: Array) -> Array:
    """The edges between the buckets of one feature as float32. Those that coincide count
    once; infinite ones, which nothing reaches, fill up."""
    apart = edges[np.ediff1d(edges, to_begin=np.inf) > _WIDTH]
    inner = np.full(len(edges) - 2, np.inf, np.float32)
    between = apart[1:-1]
    rounded = between.astype(np.float32)
    # Rounded up, so that a float32 reaches the rounded edge where it reaches the exact one.
    inner[: len(between)] = np.where(
        rounded < between, np.nextafter(rounded, np.float32(np.inf)), rounded
    )
    return inner
