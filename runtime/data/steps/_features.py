"""Statistics of features: over all samples and all dims but one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlc.runtime.data.steps.base import Array, Chunks, blocks


def columns(values: Array, dim: int) -> Array:
    """The values as `[numbers of a feature, features]`. Without a dim of features all numbers
    are one."""
    if values.ndim < 2:
        return values.reshape(-1, 1)
    return np.moveaxis(values, dim, -1).reshape(-1, values.shape[dim])


def spread(found: Array, dim: int, rank: int) -> Array:
    """One number a feature, shaped to spread over a batch of values of this rank."""
    shape = [1] * rank
    if rank > 1:
        shape[dim] = len(found)
    return found.reshape(shape)


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Of each feature, in float64; NaN is left out and not counted. `dim` and `rank` are
    those of the values. A feature without a number has NaN for `low` and `high`, and 0 for
    `mean`."""

    dim: int
    rank: int
    count: Array
    mean: Array
    squares: Array
    low: Array
    high: Array

    @property
    def deviation(self) -> Array:
        """The standard deviation of the population."""
        deviation: Array = np.sqrt(self.squares / np.maximum(self.count, 1))
        return deviation

    @property
    def constant(self) -> Array:
        """Whether all numbers of a feature are equal: its deviation is then rounding alone."""
        return np.asarray(self.low == self.high)

    def spread(self, found: Array) -> Array:
        """One number a feature, shaped to spread over the values."""
        return spread(found, self.dim, self.rank)


def moments(chunks: Chunks, dim: int) -> Moments:
    """In one pass. Blocks are merged as in Chan, Golub and LeVeque, "Updating formulae and a
    pairwise algorithm for computing sample variances" (1979), which is stable where a sum of
    squares cancels."""
    found: Moments | None = None
    for block in blocks(chunks):
        part = _moments(columns(block, dim).astype(np.float64), dim, block.ndim)
        found = part if found is None else _merged(found, part)
    assert found is not None, "fitting needs a sample"
    return found


def _moments(x: Array, dim: int, rank: int) -> Moments:
    known = ~np.isnan(x)
    count = known.sum(axis=0).astype(np.float64)
    mean = np.where(known, x, 0).sum(axis=0) / np.maximum(count, 1)
    centred = np.where(known, x - mean, 0)
    # The second pass corrects the rounding of the first: the mean of a block is exact.
    mean = mean + centred.sum(axis=0) / np.maximum(count, 1)
    centred = np.where(known, x - mean, 0)
    nothing = count == 0
    return Moments(
        dim=dim,
        rank=rank,
        count=count,
        mean=mean,
        squares=(centred * centred).sum(axis=0),
        low=np.where(nothing, np.nan, np.where(known, x, np.inf).min(axis=0)),
        high=np.where(nothing, np.nan, np.where(known, x, -np.inf).max(axis=0)),
    )


def _merged(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    share = b.count / np.maximum(count, 1)
    delta = b.mean - a.mean
    return Moments(
        dim=a.dim,
        rank=a.rank,
        count=count,
        mean=a.mean + delta * share,
        squares=a.squares + b.squares + delta * delta * a.count * share,
        low=np.fmin(a.low, b.low),
        high=np.fmax(a.high, b.high),
    )
