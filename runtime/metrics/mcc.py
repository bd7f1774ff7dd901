"""The Matthews correlation coefficient."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.metrics.mcc import Mcc
from dlc.runtime.metrics._counts import CountsMeasure
from dlc.runtime.metrics.base import State, Types


class MccMeasure(CountsMeasure[Mcc]):
    """The correlation of two indicators of classes, from how often each class is said, true,
    and both."""

    def figure(self, metric: Mcc, state: State, types: Types) -> float:
        right, said, true = (np.asarray(state[k], np.float64) for k in ("right", "said", "true"))
        total = float(np.sum(state["total"]))
        if not total:
            return float("nan")
        if metric.class_dim(types) is None:
            # The answer no is a class as well.
            right = np.append(right, total - said - true + right)
            said, true = np.append(said, total - said), np.append(true, total - true)
        together = right.sum() * total - said @ true
        apart = (total**2 - said @ said) * (total**2 - true @ true)
        return float(together / np.sqrt(apart)) if apart else 0.0
