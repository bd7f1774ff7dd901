"""Cross-validation: every fold a run of its own, what they say together, and going on."""

from __future__ import annotations

import json
import os
import signal
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy

from dlc.compiler.components.sections.split import Split
from dlc.runtime.failures import Failure
from dlc.runtime.training import session
from dlc.runtime.training.checkpoint import load_weights, weights_sha256
from dlc.runtime.training.folds import is_of_folds, resume_folds, start_folds, table
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress, Silent
from dlc.runtime.training.run_folder import RunFolder


def plan_with(root: Path, split: Split) -> Plan:
    plan = toy.plan(root, epochs=2, rows=120)
    settings = replace(plan.settings, data=replace(plan.data, split=split))
    return replace(plan, settings=settings)


def fold_plan_for(root: Path, split: Split) -> Any:
    def fold_plan(run: RunFolder, fold: int) -> Plan:
        return plan_with(root, replace(split, fold=fold))

    return fold_plan


def train(root: Path, split: Split, *, progress: Progress | None = None) -> session.Outcome:
    return start_folds(
        plan_with(root, split),
        root / "run",
        fold_plan=fold_plan_for(root, split),
        spec=("toy.yaml", "dlc: 1\n"),
        load=toy.load,
        progress=progress or Silent(),
        device="cpu",
    )


def resume(root: Path, split: Split) -> session.Outcome:
    return resume_folds(
        root / "run", fold_plan=fold_plan_for(root, split), load=toy.load, progress=Silent()
    )


def hashes(root: Path, count: int) -> list[str]:
    return [weights_sha256(load_weights(root / "run/members" / str(k))) for k in range(count)]


def test_every_fold_is_a_run_and_the_summary_tells_mean_and_deviation(tmp_path: Path) -> None:
    outcome = train(tmp_path, Split(folds=3, stratify="label"))
    members = [tmp_path / "run/members" / str(fold) for fold in range(3)]
    found = [json.loads((member / "summary.json").read_text()) for member in members]
    records = [json.loads((member / "run.json").read_text()) for member in members]
    assert [record["data"]["split"]["fold"] for record in records] == [0, 1, 2]
    assert sum(record["data"]["parts"]["validation"] for record in records) == 120
    assert all(record["data"]["parts"]["test"] == 0 for record in records)
    assert json.loads((tmp_path / "run/summary.json").read_text()) == outcome.summary
    figure = outcome.summary["metrics"]["val_accuracy"]
    values = [summary["metrics"]["val_accuracy"] for summary in found]
    assert figure["values"] == values
    assert figure["mean"] == pytest.approx(statistics.fmean(values))
    assert figure["deviation"] == pytest.approx(statistics.stdev(values))
    assert outcome.summary["steps"] == sum(summary["steps"] for summary in found)
    text = table(outcome.folder, outcome.summary)
    assert "Toy, 3 of 3 folds" in text
    assert f"{figure['mean']:.4g} ± {figure['deviation']:.2g}" in text.splitlines()[-1]


class StopsIn(Silent):
    """Sends the process SIGTERM in the given validation."""

    def __init__(self, validation: int) -> None:
        self.left = validation

    def validated(self, record: Any, *, best: bool) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def test_an_interrupted_fold_goes_on_and_ends_as_if_nothing_had_happened(
    tmp_path: Path,
) -> None:
    split = Split(folds=3, test=0.1)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected = train(whole, split)
    outcome = train(stopped, split, progress=StopsIn(3))
    assert outcome.signal == "SIGTERM"
    assert outcome.exit_code == 143
    assert outcome.summary["ended"] == "stopped"
    assert len(outcome.summary["members"]) == 1
    assert not (stopped / "run/summary.json").exists()
    assert is_of_folds(stopped / "run")
    first = (stopped / "run/members/0/summary.json").stat().st_mtime_ns
    after = resume(stopped, split)
    assert after.summary["ended"] == "finished"
    assert (stopped / "run/members/0/summary.json").stat().st_mtime_ns == first
    assert hashes(stopped, 3) == hashes(whole, 3)
    assert after.summary["metrics"] == expected.summary["metrics"]
    assert after.summary["test"] == expected.summary["test"]


def test_each_group_is_left_out_in_a_fold_of_its_own(tmp_path: Path) -> None:
    outcome = train(tmp_path, Split(folds="groups", group="group"))
    assert outcome.summary["folds"] == 4
    parts = [
        json.loads((tmp_path / f"run/members/{fold}/run.json").read_text())["data"]["parts"]
        for fold in range(4)
    ]
    assert [part["validation"] for part in parts] == [30, 30, 30, 30]


@pytest.fixture(autouse=True)
def grouped_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy data with a column of four groups beside it."""
    plain = toy.write_data

    def write(folder: Path, rows: int = 407) -> Path:
        path = folder / "toy.csv"
        if not path.exists():
            plain(folder, rows)
            header, *lines = path.read_text().splitlines()
            lines = [f"{line},g{index % 4}" for index, line in enumerate(lines)]
            path.write_text("\n".join([f"{header},group", *lines]) + "\n")
        return path

    monkeypatch.setattr(toy, "write_data", write)


def test_a_spec_without_folds_is_told_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        train(tmp_path, Split())
    assert caught.value.diagnostic.code.number == "E0309"
    assert "--set data.split.folds=5" in str(caught.value.diagnostic.help)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_folds_has_no_weights_of_its_own(tmp_path: Path) -> None:
    train(tmp_path, Split(folds=2))
    with pytest.raises(Failure, match="the runs of its members, and no weights of its own"):
        load_weights(tmp_path / "run")
