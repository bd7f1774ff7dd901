"""Snapshots of one run, whose answers are averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from dlc.compiler.codegen.onnx_graph import member_prefix
from dlc.compiler.components.averages.snapshots import Lows, Snapshots
from dlc.runtime.training.averages.base import Tensors, copied, part_of, placed
from dlc.runtime.training.checkpoint import AVERAGE
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.weights import owned_tensors


class SnapshotsHook(Hook):
    """Keeps the weights at the newest low points of the learning rate, oldest first. A
    checkpoint holds them as the weights of an `EnsembleNetwork`."""

    name: ClassVar[str] = AVERAGE

    def __init__(self, average: Snapshots) -> None:
        self.count = average.count
        self.trainer: Trainer | None = None
        self.own: Tensors = {}
        self.taken: list[Tensors] = []
        self.lows = Lows()

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.own = owned_tensors(trainer.model)
        self.taken = [placed(kept, self.own) for kept in self.taken]

    def after_step(self, step: int) -> None:
        trainer = self.trainer
        assert trainer is not None
        # That of the next step: the schedule has moved on.
        rate = float(trainer.optimizer.param_groups[0]["lr"])
        if self.lows.ends_at(rate) or step == trainer.total:
            self.taken = [*self.taken, copied(self.own)][-self.count :]

    # ── state ────────────────────────────────────────────────────────────────

    def tensors(self) -> Mapping[str, torch.Tensor]:
        return {
            f"weights/{member_prefix(place)}{name}": tensor
            for place, weights in enumerate(self.taken)
            for name, tensor in weights.items()
        }

    def state(self) -> dict[str, Any]:
        return {
            "averaged": len(self.taken),
            "watched": False,
            "rate": self.lows.rate,
            "falling": self.lows.falling,
        }

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.taken = [
            part_of(tensors, f"weights/{member_prefix(place)}")
            for place in range(int(state.get("averaged", 0)))
        ]
        self.lows = Lows(state.get("rate"), falling=bool(state.get("falling", False)))
