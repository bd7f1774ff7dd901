"""The mean absolute error."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.metrics.mae import Mae
from dlc.runtime.metrics._pairwise import PairwiseMeasure
from dlc.runtime.metrics.base import Array


class MaeMeasure(PairwiseMeasure[Mae]):
    """mean(|x - t|)."""

    def distance(self, difference: Array) -> Array:
        return np.abs(difference)
