"""A run that is stopped within an epoch ends as the one that never was, whatever it trains with."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy
from test_engine_steps import IMAGES, Stopper
from test_engine_steps import plan as convolutions

from dlc.compiler.components.augmentations.time_series_jitter import TimeSeriesJitter
from dlc.runtime.training import assembly
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.plan import Plan

#: Some batches, which ones the samples decide, have a loss that is NaN.
SPOILED = """

_finite_loss = loss


def loss(outputs, targets):
    factor = torch.where(targets["label"].sum() % 8 == 5, float("nan"), 1.0)
    return factor * _finite_loss(outputs, targets)
"""

ALL = {
    "precision": "bf16",
    "accumulate": 2,
    "average": "ema(decay=0.9)",
    "clip_grad_norm": 1.0,
}

MATRIX: dict[str, dict[str, Any]] = {
    "dropout-schedule": {},
    "augmentation": {"augmented": True},
    "ema": {"average": "ema(decay=0.9)"},
    "accumulation": {"accumulate": 2},
    "bf16": {"precision": "bf16"},
    "skip": {"on_nan": "skip"},
    "rollback": {"on_nan": "rollback"},
    "all": {"augmented": True, **ALL},
    "all-skip": {"augmented": True, "on_nan": "skip", **ALL},
    "all-rollback": {"augmented": True, "on_nan": "rollback", **ALL},
}


def _plan(root: Path, *, augmented: bool = False, **train: Any) -> Plan:
    given = {"precision": "float32", **train}
    if "on_nan" in given:
        given["max_skips"] = 99
    # Three epochs: the checkpoint that a resumed run starts from lies within the second.
    plan = convolutions(root, epochs=3, **given)
    if "on_nan" in given:
        plan = replace(plan, source=plan.source + SPOILED)
    if augmented:
        assert plan.settings.data is not None
        data = replace(plan.settings.data, augment=(TimeSeriesJitter(std=0.5, scale=0.2),))
        plan = replace(plan, settings=replace(plan.settings, data=data))
    return plan


def _metrics(run: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def _left_out(run: Path) -> list[dict[str, Any]]:
    batches: list[dict[str, Any]] = json.loads((run / "non_finite.json").read_text())["batches"]
    return batches


@pytest.mark.parametrize("name", MATRIX)
def test_a_run_stopped_within_an_epoch_ends_as_if_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert "dropout" in IMAGES
    assert "schedule: cosine" in IMAGES
    plan = _plan(tmp_path, **MATRIX[name])
    whole, saved, lost = (tmp_path / folder for folder in ("whole", "saved", "lost"))
    expected = toy.start(whole, plan).summary
    # With `accumulate: 2` an epoch has half the steps.
    at = 9 if "accumulate" in MATRIX[name] else 17
    # The average is a hook as well.
    hooks = assembly.hooks_of
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "hooks_of", lambda plan: (*hooks(plan), Stopper(at)))
        stopped = toy.start(saved, plan)
    assert stopped.signal == signal.SIGTERM.name
    # Steps after the checkpoint before are made a second time.
    shutil.copytree(saved, lost)
    store = CheckpointStore(lost / "checkpoints")
    assert len(store.steps()) > 1
    shutil.rmtree(store.path(store.steps()[-1]))
    for run in (saved, lost):
        found = toy.resume(run, plan).summary
        assert found["steps"] == expected["steps"], run.name
        assert found["weights"] == expected["weights"], run.name
        assert _metrics(run) == _metrics(whole), run.name
        if "on_nan" in MATRIX[name]:
            assert _left_out(run) == _left_out(whole), run.name
            assert _left_out(whole)
