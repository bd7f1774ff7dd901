"""Centring in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.center import Center
from dlc.runtime.data.steps._features import moments
from dlc.runtime.data.steps._scaling import Scaling
from dlc.runtime.data.steps.base import Array, Chunks


class CenterStep(Scaling[Center]):
    def fit(self, step: Center, chunks: Chunks) -> dict[str, Array]:
        found = moments(chunks, step.dim)
        return {"mean": found.spread(found.mean).astype(np.float32)}
