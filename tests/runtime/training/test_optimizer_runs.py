"""Every optimizer and schedule in a run: trained, stopped, gone on with, and equal."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
import torch
import toy

import specs
from dlc.compiler.components import registry
from dlc.runtime.failures import Failure
from dlc.runtime.training import assembly
from dlc.runtime.training.attached import hooks_of
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.world import ALONE, World


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Stopping(Hook):
    """Ends the session after a step, as a signal does."""

    name: ClassVar[str] = "stopping"

    def __init__(self, at: int) -> None:
        self.at = at
        self.trainer: Trainer | None = None

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def after_step(self, step: int) -> None:
        assert self.trainer is not None
        if step == self.at:
            self.trainer.stop.signal = signal.SIGTERM


def stopped_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks_of(plan), Stopping(step)))


def whole_and_resumed(
    folder: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, at: int
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The summaries of a run that was never stopped, and of one that was."""
    whole = toy.start(folder / "whole", plan).summary
    with monkeypatch.context() as patch:
        stopped_at(at, patch)
        assert toy.start(folder / "halves", plan).summary["ended"] == "stopped"
    return whole, toy.resume(folder / "halves", plan).summary


MINI_BATCH = {
    "sgd(lr=0.05, momentum=0.9, nesterov=true)": "",
    "asgd(lr=0.05, t0=3)": "",
    "adadelta": "",
    "adafactor": "",
    "adagrad(lr=0.05)": "",
    "adam(amsgrad=true)": "",
    "adamw(groups=[{match = first, lr = 1e-4}])": "",
    "adamax": "",
    "nadam": "",
    "radam": "",
    "rmsprop(lr=1e-3, momentum=0.5, centered=true)": "",
    "muon(lr=0.01, others=adamw(no_decay=[bias, norm]))": "",
}
FULL_BATCH = ("rprop", "lbfgs(max_iter=3)", "lbfgs(line_search_fn=strong_wolfe)", "newton")


def test_every_optimizer_is_tried_here() -> None:
    tried = {text.partition("(")[0] for text in (*MINI_BATCH, *FULL_BATCH)}
    assert tried == set(registry.names("optimizer")) - {"sparse_adam"}


@pytest.mark.parametrize("text", MINI_BATCH)
def test_a_stopped_run_ends_as_if_it_had_not_been_stopped(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = "{match = first, lr = 1e-4}"
    written = f'"{text}"'
    if groups in text:
        written = "{adamw: {groups: [{match: first, lr: 1e-4}]}}"
    plan = specs.plan(tmp_path, f"optimizer: {written}\n", sets=("train.epochs=2",))
    whole, resumed = whole_and_resumed(tmp_path, plan, monkeypatch, at=9)
    assert resumed["weights"] == whole["weights"]
    assert records(tmp_path / "whole")[-1]["loss"] == records(tmp_path / "halves")[-1]["loss"]


@pytest.mark.parametrize("text", FULL_BATCH)
def test_a_stopped_full_batch_run_ends_as_if_it_had_not_been_stopped(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = f"optimizer: {text}\nregularization: {{l2: 1e-3}}\n"
    plan = specs.plan(tmp_path, sections, specs.LINEAR)
    whole, resumed = whole_and_resumed(tmp_path, plan, monkeypatch, at=5)
    assert resumed["weights"] == whole["weights"]
    losses = [record["loss"] for record in records(tmp_path / "halves")]
    assert losses == [record["loss"] for record in records(tmp_path / "whole")]
    assert len(losses) == 12
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("text", ["lbfgs(line_search_fn=strong_wolfe)", "newton"])
def test_accumulated_batches_are_one_for_an_optimizer_that_evaluates(
    text: str, tmp_path: Path
) -> None:
    # The penalty counts once a step, not once a batch.
    sections = f"optimizer: {text}\nregularization: {{l2: 1e-2}}\n"
    whole = specs.plan(tmp_path, sections, specs.LINEAR)
    sets = ("data.batch_size=109", "train.accumulate=3")
    parts = specs.plan(tmp_path, sections, specs.LINEAR, sets=sets)
    for name, plan in (("whole", whole), ("parts", parts)):
        toy.start(tmp_path / name, plan)
    a, b = (load_weights(tmp_path / name, "last") for name in ("whole", "parts"))
    # Biases are compared by their differences: all may grow alike, and nothing changes.
    for tensors in (a, b):
        bias = torch.tensor(tensors["logits.bias"])
        tensors["logits.bias"] = (bias - bias.mean()).numpy()
    for key in a:
        torch.testing.assert_close(torch.tensor(a[key]), torch.tensor(b[key]), atol=1e-4, rtol=1e-3)


def test_the_loss_of_gradient_descent_on_a_linear_model_never_rises(tmp_path: Path) -> None:
    plan = specs.plan(tmp_path, "optimizer: sgd(lr=0.5)\n", specs.LINEAR)
    toy.start(tmp_path / "run", plan)
    losses = [record["loss"] for record in records(tmp_path / "run")]
    assert len(losses) == 12
    assert all(after < before for before, after in pairwise(losses))


class Norms(Hook):
    """The greatest norm of a unit's weights after each step."""

    name: ClassVar[str] = "norms"

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.trainer: Trainer | None = None

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def after_step(self, step: int) -> None:
        assert self.trainer is not None
        weights = [p for p in self.trainer.model.parameters() if p.ndim == 2]
        self.seen.append(max(float(w.detach().norm(dim=1).max()) for w in weights))


@pytest.mark.parametrize("optimizer", ["sgd(lr=0.5)", "adam(lr=0.05)"])
def test_max_norm_holds_after_every_step(
    optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms = Norms()
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (norms,))
    sections = f"optimizer: {optimizer}\nregularization: {{max_norm: 0.6}}\n"
    toy.start(tmp_path / "run", specs.plan(tmp_path, sections))
    assert len(norms.seen) == 44
    assert max(norms.seen) <= 0.6 * (1 + 1e-5)
    assert min(norms.seen) > 0.5


PLATEAU = """optimizer: sgd(lr=1e-6)
schedule: reduce_on_plateau(factor=0.5, patience=1, cooldown=1, min_lr=2e-7, monitor=MONITOR)
"""


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_the_rate_falls_when_a_figure_stands_still(
    monitor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = PLATEAU.replace("MONITOR", monitor)
    plan = specs.plan(tmp_path, sections, sets=("train.epochs=10",))
    whole, resumed = whole_and_resumed(tmp_path, plan, monkeypatch, at=40)
    assert resumed["weights"] == whole["weights"]
    rates = [record["lr"] for record in records(tmp_path / "whole")]
    assert rates == [record["lr"] for record in records(tmp_path / "halves")]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-6)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        "min" if monitor == "val_loss" else "max",
        factor=0.5,
        patience=1,
        cooldown=1,
        min_lr=2e-7,
    )
    wanted = []
    for record in records(tmp_path / "whole"):
        theirs.step(record[monitor])
        wanted.append(optimizer.param_groups[0]["lr"])
    assert rates == wanted
    assert rates[0] > rates[-1] >= 2e-7


def test_a_plateau_may_follow_a_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = """optimizer: sgd(lr=1e-6)
schedule: reduce_on_plateau(factor=0.5, patience=0, warmup_steps=30)
"""
    plan = specs.plan(tmp_path, sections, sets=("train.epochs=6", "train.validate_every=steps(5)"))
    whole, resumed = whole_and_resumed(tmp_path, plan, monkeypatch, at=18)
    assert resumed["weights"] == whole["weights"]
    rates = [record["lr"] for record in records(tmp_path / "whole")]
    assert rates == [record["lr"] for record in records(tmp_path / "halves")]
    assert rates[0] == pytest.approx(1e-6 * 6 / 30)
    assert rates[-1] < 1e-6


def test_a_plateau_needs_a_validation_part(tmp_path: Path) -> None:
    sets = ("data.split.train=1.0", "data.split.validation=0.0", "data.split.test=0.0")
    sections = "optimizer: sgd(lr=0.1)\nschedule: reduce_on_plateau\n"
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", specs.plan(tmp_path, sections, sets=sets))
    assert caught.value.diagnostic.code.number == "E0309"
    assert "`reduce_on_plateau` follows `val_loss`" in caught.value.diagnostic.message


@pytest.mark.parametrize(
    "schedule",
    [
        "cosine_restarts(1, cycle_mult=2)",
        "cyclic(max_lr=0.1, step_size_up=5)",
        "sequential(schedules=[constant, exponential(gamma=0.5)], milestones=[1])",
    ],
)
def test_a_schedule_is_exact_after_a_stop(
    schedule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = f'optimizer: sgd(lr=0.01, momentum=0.9)\nschedule: "{schedule}"\n'
    plan = specs.plan(tmp_path, sections, sets=("train.epochs=3",))
    whole, resumed = whole_and_resumed(tmp_path, plan, monkeypatch, at=17)
    assert resumed["weights"] == whole["weights"]
    made = plan.settings.schedule
    assert made is not None
    rates = [record["lr"] for record in records(tmp_path / "halves")]
    wanted = [
        0.01 * made.factor_at(step, total_steps=33, steps_per_epoch=11, learning_rate=0.01)
        for step in (11, 22, 33)
    ]
    assert rates == pytest.approx(wanted)


def test_newton_is_refused_on_several_processes(tmp_path: Path) -> None:
    plan = specs.plan(tmp_path, "optimizer: newton\n", specs.LINEAR)
    with pytest.raises(Failure) as caught:
        assembly._refuse_apart(plan, cast(World, SimpleNamespace(size=2)))
    assert caught.value.diagnostic.code.number == "E0311"
    assembly._refuse_apart(plan, ALONE)
