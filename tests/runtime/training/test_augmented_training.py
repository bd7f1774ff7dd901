"""Runs with augmentation: stopped and resumed anywhere they end as they would have."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import toy

from dlc.compiler.components.augmentations.time_series_jitter import TimeSeriesJitter
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import CHECKPOINTS


class Interrupted(Silent):
    """Presses Ctrl-C at the second validation."""

    seen = 0

    def validated(self, record: Any, *, best: bool) -> None:
        self.seen += 1
        if self.seen == 2:
            signal.raise_signal(signal.SIGINT)


def augmented(root: Path, std: float = 0.5, scale: float = 0.2, **train: Any) -> Plan:
    plan = toy.plan(root, **train)
    assert plan.settings.data is not None
    data = replace(plan.settings.data, augment=(TimeSeriesJitter(std=std, scale=scale),))
    return replace(plan, settings=replace(plan.settings, data=data))


def test_a_resumed_run_sees_the_pictures_that_it_would_have_seen(tmp_path: Path) -> None:
    plan = augmented(tmp_path)
    whole = toy.start(tmp_path / "whole", plan)
    stopped = toy.start(tmp_path / "run", plan, progress=Interrupted())
    assert stopped.exit_code == 130
    # From the checkpoint before: within an epoch, with steps that are done again.
    newest = sorted((tmp_path / "run" / CHECKPOINTS).glob("step-*"))[-1]
    shutil.rmtree(newest)
    resumed = toy.resume(tmp_path / "run", plan)
    assert resumed.summary["weights"] == whole.summary["weights"]


def test_a_change_of_nothing_is_training_without_augmentation(tmp_path: Path) -> None:
    plain = toy.start(tmp_path / "plain", toy.plan(tmp_path)).summary
    none = toy.start(tmp_path / "none", augmented(tmp_path, std=0.0, scale=0.0)).summary
    noisy = toy.start(tmp_path / "noisy", augmented(tmp_path)).summary
    assert none["weights"] == plain["weights"]
    assert none["metrics"] == plain["metrics"]
    assert noisy["weights"] != plain["weights"]


def test_gradients_over_several_batches_see_the_same_pictures(tmp_path: Path) -> None:
    plan = augmented(tmp_path, accumulate=2)
    first = toy.start(tmp_path / "one", plan).summary["weights"]
    assert toy.start(tmp_path / "two", plan).summary["weights"] == first
