"""The mean of the weights of the best validations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from dlc.compiler.components.averages.top_k import TopK
from dlc.runtime.training.averages.base import (
    Tensors,
    WeightAverage,
    copied,
    mean_into,
    part_of,
    placed,
)
from dlc.runtime.training.trainer import Trainer


class TopKHook(WeightAverage):
    """Keeps the weights of the best validations, best first, and their mean."""

    watched: ClassVar[bool] = False

    def __init__(self, average: TopK, monitor: str, *, higher_is_better: bool) -> None:
        super().__init__()
        self.count = average.count
        self.monitor = monitor
        self.sign = -1.0 if higher_is_better else 1.0
        self.best: list[tuple[float, int, Tensors]] = []

    def began(self, trainer: Trainer) -> None:
        super().began(trainer)
        self.best = [(value, step, placed(kept, self.own)) for value, step, kept in self.best]

    def validated(self, figures: Mapping[str, float], step: int) -> None:
        value = figures[self.monitor]
        if not math.isfinite(value):
            return
        before = [kept for _, kept, _ in self.best]
        # Of equal figures the earlier one is kept, as early stopping keeps it.
        ranked = sorted(
            [*((self.sign * v, s) for v, s, _ in self.best), (self.sign * value, step)]
        )[: self.count]
        weights = {s: w for _, s, w in self.best}
        if step in (s for _, s in ranked):
            weights[step] = copied(self.own)
        self.best = [(self.sign * v, s, weights[s]) for v, s in ranked]
        if [kept for _, kept, _ in self.best] != before:
            self._average()

    def _average(self) -> None:
        self.weights = copied(self.best[0][2])
        for count, (_, _, weights) in enumerate(self.best[1:], 1):
            mean_into(self.weights, weights, count)
        self.averaged = len(self.best)
        self.changed()

    # ── state ────────────────────────────────────────────────────────────────

    def tensors(self) -> Mapping[str, torch.Tensor]:
        kept = {
            f"best.{place}/{name}": tensor
            for place, (_, _, weights) in enumerate(self.best)
            for name, tensor in weights.items()
        }
        return {**super().tensors(), **kept}

    def state(self) -> dict[str, Any]:
        best = [{"value": value, "step": step} for value, step, _ in self.best]
        return {**super().state(), "monitor": self.monitor, "best": best}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        super().restore(tensors, state)
        self.best = [
            (float(entry["value"]), int(entry["step"]), part_of(tensors, f"best.{place}/"))
            for place, entry in enumerate(state.get("best", ()))
        ]
