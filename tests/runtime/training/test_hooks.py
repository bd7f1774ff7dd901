"""Hooks take part in a run, and what they hold survives every way of stopping."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import toy

from dlc.runtime.training import assembly
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.trainer import Trainer


class Sum(Hook):
    """The sum of one weight over all steps, and what was called."""

    name: ClassVar[str] = "sum"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.total = torch.zeros(())
        self.steps = 0
        self.trainer: Trainer | None = None
        self.stop_at: int | None = None

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.calls.append("began")

    def epoch_began(self, epoch: int) -> None:
        self.calls.append(f"epoch {epoch}")

    def before_step(self, step: int) -> None:
        assert step == self.steps

    def after_step(self, step: int) -> None:
        assert self.trainer is not None
        self.steps += 1
        assert step == self.steps
        weight = next(iter(self.trainer.model.parameters()))
        self.total = self.total + weight.detach().flatten()[0]
        if step == self.stop_at:
            self.trainer.stop.signal = signal.SIGTERM

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        self.calls.append("in")
        yield
        self.calls.append("out")

    def validated(self, figures: Mapping[str, float], step: int) -> None:
        assert "val_loss" in figures
        self.calls.append(f"validated {step}")

    def tensors(self) -> Mapping[str, torch.Tensor]:
        return {"total": self.total}

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.total = torch.tensor(np.array(tensors["total"]))
        self.steps = state["steps"]


def test_a_hook_is_called_in_order_and_its_state_is_exact_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toy.plan(tmp_path, epochs=2)
    whole, first, second = Sum(), Sum(), Sum()

    def run(hook: Sum, folder: str) -> None:
        monkeypatch.setattr(assembly, "hooks_of", lambda plan: (hook,))
        if (tmp_path / folder).exists():
            toy.resume(tmp_path / folder, plan)
        else:
            toy.start(tmp_path / folder, plan)

    run(whole, "whole")
    assert whole.calls == [
        *("began", "epoch 0", "in", "out", "validated 11"),
        *("epoch 1", "in", "out", "validated 22"),
    ]
    first.stop_at = 16
    run(first, "halves")
    assert first.steps == 16
    run(second, "halves")
    assert second.calls[:2] == ["began", "epoch 1"]
    assert second.steps == whole.steps == 22
    assert torch.equal(second.total, whole.total)
    kept = CheckpointStore(tmp_path / "halves" / "checkpoints").load(22)
    assert kept.averages["sum/total"] == whole.total.numpy()
