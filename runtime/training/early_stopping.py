"""Watching one figure: which validation was the best, and when to stop waiting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlc.runtime.training.plan import Plan, figure_names


@dataclass(kw_only=True)
class Watch:
    """Follows `monitor` from validation to validation.

    `waited` counts the validations since the best; a figure that is not finite never is
    one. `patience` None watches without stopping.
    """

    monitor: str
    higher_is_better: bool
    patience: int | None = None
    min_delta: float = 0.0
    best: float | None = None
    step: int | None = None
    waited: int = 0

    def see(self, figures: Mapping[str, float], step: int) -> bool:
        """Takes the figures of a validation; True where it is the best so far."""
        value = figures[self.monitor]
        if math.isfinite(value) and (self.best is None or self._better(value, self.best)):
            self.best, self.step, self.waited = value, step, 0
            return True
        self.waited += 1
        return False

    def _better(self, value: float, best: float) -> bool:
        gain = value - best if self.higher_is_better else best - value
        return gain > self.min_delta

    @property
    def exhausted(self) -> bool:
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        return {
            "monitor": self.monitor,
            "value": self.best,
            "step": self.step,
            "waited": self.waited,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.best, self.step, self.waited = state["value"], state["step"], state["waited"]


def watch_of(plan: Plan) -> Watch | None:
    """What early stopping follows."""
    early = plan.settings.train.early_stopping
    if early is None:
        return None
    return Watch(
        monitor=early.monitor,
        higher_is_better=figure_names(plan)[early.monitor],
        patience=early.patience,
        min_delta=early.min_delta,
    )
