"""`train.on_nan: rollback`: what it ends with is what `skip` ends with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy
from test_left_out import LOSS, SPOILED, CutOff, Enough

from dlc.runtime.failures import Failure
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.plan import Plan

#: The loss is finite, and its gradient is not: the weights are lost before the loss tells.
STEEP = """    bad = targets["label"].sum() % 16 == 5
    steep = torch.where(bad, outputs["logits"] * 0.0, 1.0).sqrt().sum() * 0.0
    return steep + F.cross_entropy(outputs["""


class Heard(toy.Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def _plan(root: Path, loss: str, policy: str, **train: Any) -> Plan:
    plan = toy.plan(root, on_nan=policy, **{"max_skips": 99, **train})
    return replace(plan, source=plan.source.replace(LOSS, loss))


def _metrics(run: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


@pytest.mark.parametrize("average", [None, "ema", "swa", "top_k"])
@pytest.mark.parametrize("loss", [SPOILED, STEEP], ids=["loss", "gradient"])
def test_a_run_that_went_back_is_the_run_that_left_the_batches_out(
    tmp_path: Path, loss: str, average: str | None
) -> None:
    given = {"average": toy.AVERAGES.get(average or "")}
    skipped = toy.start(tmp_path / "skip", _plan(tmp_path, loss, "skip", **given))
    heard = Heard()
    plan = _plan(tmp_path, loss, "rollback", **given)
    found = toy.start(tmp_path / "back", plan, progress=heard)
    assert found.summary["weights"] == skipped.summary["weights"]
    assert any("back to step" in line for line in heard.lines)
    assert _metrics(tmp_path / "back") == _metrics(tmp_path / "skip")
    batches = [
        json.loads((tmp_path / run / "non_finite.json").read_text()) for run in ("skip", "back")
    ]
    assert batches[0] == batches[1]
    assert batches[0]["batches"]


def test_a_run_that_went_back_and_was_cut_ends_alike(tmp_path: Path) -> None:
    plan = _plan(tmp_path, SPOILED, "rollback")
    whole = toy.start(tmp_path / "whole", plan)
    with pytest.raises(Enough):
        toy.start(tmp_path / "run", plan, progress=CutOff(20))
    assert toy.resume(tmp_path / "run", plan).summary["weights"] == whole.summary["weights"]


def test_a_run_goes_back_so_often_and_no_more(tmp_path: Path) -> None:
    with pytest.raises(Failure) as found:
        toy.start(tmp_path / "run", _plan(tmp_path, SPOILED, "rollback", max_skips=1))
    assert found.value.diagnostic.code.number == "E0609"
    assert CheckpointStore(tmp_path / "run" / "checkpoints").steps()


class Killed(toy.Silent):
    """Ends a session as soon as it went back so often, before anything else is saved."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def say(self, text: str) -> None:
        if "back to step" in text:
            self.times -= 1

    def advance(self, **figures: Any) -> None:
        if not self.times:
            raise Enough


class PastIt(toy.Silent):
    """Ends a session when a checkpoint is behind the batch for which it went back."""

    def __init__(self, run: Path) -> None:
        self.run = run

    def validated(self, record: Any, *, best: bool) -> None:
        until = _kept(self.run).get("until", 10**9)
        if CheckpointStore(self.run / "checkpoints").steps()[-1] > until:
            raise Enough


def _kept(run: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((run / "run.json").read_text()).get("rollbacks", {})
    return found


def test_how_often_a_run_went_back_outlives_every_restart(tmp_path: Path) -> None:
    plan = _plan(tmp_path, SPOILED, "rollback")
    whole = toy.start(tmp_path / "whole", plan)
    times = _kept(tmp_path / "whole")["times"]
    assert times > 1
    run, sessions = tmp_path / "run", 0
    with pytest.raises(Enough):
        toy.start(run, plan, progress=Killed())
    while True:
        sessions += 1
        # Going on does not go back once more to where the run has been.
        assert _kept(run)["times"] == sessions
        try:
            found = toy.resume(run, plan, progress=Killed())
        except Enough:
            continue
        break
    assert sessions == times
    assert _kept(run) == _kept(tmp_path / "whole")
    assert found.summary["weights"] == whole.summary["weights"]
    assert _metrics(run) == _metrics(tmp_path / "whole")


def test_a_run_cannot_go_back_for_ever_by_being_restarted(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(Enough):
        toy.start(run, _plan(tmp_path, SPOILED, "rollback"), progress=PastIt(run))
    assert _kept(run)["times"] == 1
    with pytest.raises(Failure) as found:
        toy.resume(run, _plan(tmp_path, SPOILED, "rollback", max_skips=1))
    # Not that two batches were left out: it did not go back a second time.
    assert found.value.diagnostic.message.startswith("the loss became nan")
    kept = CheckpointStore(run / "checkpoints")
    assert kept.steps()
    for step in kept.steps():
        assert all(np.isfinite(tensor).all() for tensor in kept.load(step).model.values())
