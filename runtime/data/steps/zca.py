"""Whitening turned back to the axes of the data."""

from __future__ import annotations

from dlc.compiler.components.preprocessing.zca import Zca
from dlc.runtime.data.steps._projection import axes, projected
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class ZcaStep(Step[Zca]):
    def fit(self, step: Zca, chunks: Chunks) -> dict[str, Array]:
        found = axes(chunks)
        scaled = found.vectors * found.scales(step.epsilon)
        return {"mean": found.mean[None], "matrix": scaled @ found.vectors.T}

    def apply(self, step: Zca, values: Array, statistics: Statistics) -> Array:
        return projected(values, statistics["mean"], statistics["matrix"]).reshape(values.shape)
