"""What the steps share that turn the axes of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._projection import ProjectionStep
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step, blocks

_C = TypeVar("_C", bound=ProjectionStep)


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The eigenvectors of a covariance as columns, and the variances along them, descending.
    `rank` is how many variances are more than the rounding of the first."""

    samples: int
    mean: Array
    vectors: Array
    variances: Array

    @property
    def rank(self) -> int:
        least = self.variances[0] * len(self.variances) * np.finfo(np.float64).eps
        return int((self.variances > least).sum())

    def scales(self, epsilon: float) -> Array:
        """What whitening multiplies each component by: 1 where nothing varies."""
        varies = np.arange(len(self.variances)) < self.rank
        spread = np.sqrt(np.where(varies, self.variances, 0.0) + epsilon)
        scales: Array = 1.0 / np.where(varies | (epsilon > 0), spread, 1.0)
        return scales


def axes(chunks: Chunks) -> Axes:
    """In one pass, in float64: blocks are merged as in `moments`, the covariance for the sum
    of squares. The variances are those of a sample, divided by its size less one."""
    samples, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    for block in blocks(chunks):
        x = flat(block)
        count = len(x)
        own = x.mean(axis=0)
        centred = x - own
        products = centred.T @ centred
        if samples:
            delta = own - mean
            share = count / (samples + count)
            scatter += products + np.outer(delta, delta) * (samples * share)
            mean = mean + delta * share
        else:
            mean, scatter = own, products
        samples += count
    variances, vectors = np.linalg.eigh(scatter / max(samples - 1, 1))
    # Descending, and each direction with the sign that makes its greatest entry positive.
    variances, vectors = np.maximum(variances[::-1], 0.0), vectors[:, ::-1]
    greatest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[greatest, np.arange(vectors.shape[1])])
    return Axes(samples=samples, mean=mean, vectors=vectors * signs, variances=variances)


def flat(values: Array) -> Array:
    return values.reshape(len(values), -1).astype(np.float64)


def projected(values: Array, mean: Array, matrix: Array) -> Array:
    """As the graph computes it: in float64 throughout, then rounded."""
    found: Array = ((flat(values) - mean) @ matrix).astype(np.float32)
    return found


class Projection(Step[_C], Generic[_C]):
    """Fits the axes and keeps some of them; `scales` gives the factor of each component."""

    def scales(self, step: _C, found: Axes) -> Array:
        return np.ones(len(found.variances))

    def fit(self, step: _C, chunks: Chunks) -> dict[str, Array]:
        found = axes(chunks)
        kept = _kept(step, found)
        matrix = found.vectors[:, :kept] * self.scales(step, found)[:kept]
        return {"mean": found.mean[None], "components": np.ascontiguousarray(matrix)}

    def apply(self, step: _C, values: Array, statistics: Statistics) -> Array:
        return projected(values, statistics["mean"], statistics["components"])


def _kept(step: ProjectionStep, found: Axes) -> int:
    size = len(found.variances)
    if step.kept is None:
        return size
    if not isinstance(step.kept, int):
        total = found.variances.sum()
        reached = np.cumsum(found.variances) / (total if total > 0 else 1.0)
        return min(int(np.searchsorted(reached, step.kept, side="right")) + 1, size)
    if step.kept > min(size, found.samples):
        what = f"{size} numbers a sample" if size <= found.samples else f"{found.samples} samples"
        raise ComponentError(
            "E0402",
            f"`{step.name}` keeps {step.kept} components, and the training part has {what}",
            help=f"keep {min(size, found.samples)} at most",
        )
    return step.kept
