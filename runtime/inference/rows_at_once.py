"""How many rows are measured at once: a run and its model file cut a part alike."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from dlc.compiler.ir.dims import INFINITY, Dim, bounds
from dlc.compiler.ir.types import TensorType

# Without gradients a batch takes a fraction of the memory of a training step.
_LEAST_BATCH = 256
# What is measured lies on the host in float64, several times over.
_ANSWER_BYTES = 64 << 20
# A size without an end is thought to be about this.
_USUAL = 256


def rows_at_once(answers: Iterable[TensorType], batch_size: int) -> int:
    """At least a batch, and as many as make a few megabytes of `answers`, what is measured. A
    score for each word of a vocabulary at each place of a text is a thousand times what a class
    is."""
    row = sum(
        prod(_size(dim) for dim in type.shape[1:]) * np.dtype(type.dtype.value).itemsize
        for type in answers
    )
    return max(batch_size, min(_LEAST_BATCH, _ANSWER_BYTES // max(row, 1)), 1)


def _size(dim: Dim) -> int:
    low, high = bounds(dim)
    return high if high < INFINITY else max(low, _USUAL)
