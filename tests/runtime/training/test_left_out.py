"""`train.on_nan: skip`: what a bad batch may not change, and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toy

import specs
from dlc.runtime.failures import Failure
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.guard import Guard
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.world import ALONE

OPTIMIZERS: dict[str, Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "adamw-fused": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.01),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01, initial_accumulator_value=0.1),
    "adadelta": lambda p: torch.optim.Adadelta(p),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
}


def _weights(make: Callable[..., torch.optim.Optimizer], bad: set[int]) -> list[torch.Tensor]:
    """What training ends with where the given steps have a gradient without a finite number.
    Good steps see the same batches, however many bad ones are between them."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
    optimizer = make(list(model.parameters()))
    guard = Guard(model, optimizer, ALONE)
    draw = torch.Generator().manual_seed(1)
    for step in range(8 + len(bad)):
        x = torch.full((6, 4), torch.inf) if step in bad else torch.randn(6, 4, generator=draw)
        guard.begin()
        loss = model(x).square().mean() + model(x).mean()
        loss.backward()
        told = guard.step(loss.detach())
        assert bool(torch.isnan(told)) == (step in bad)
        optimizer.zero_grad(set_to_none=True)
    state = [v for kept in optimizer.state.values() for v in kept.values() if v is not None]
    return [*model.state_dict().values(), *state]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_batch_left_out_changes_nothing(name: str) -> None:
    make = OPTIMIZERS[name]
    expected = _weights(make, set())
    # The first step of all, two in a row, the last.
    found = _weights(make, {0, 4, 5, 11})
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_an_optimizer_that_evaluates_the_loss_is_taken_back() -> None:
    def trained(bad: set[int]) -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 1)
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
        guard = Guard(model, optimizer, ALONE)
        x = torch.randn(16, 4)
        for step in range(4 + len(bad)):
            seen: list[torch.Tensor] = []

            def closure(
                factor: float = torch.nan if step in bad else 1.0,
                seen: list[torch.Tensor] = seen,
            ) -> torch.Tensor:
                optimizer.zero_grad()
                loss: torch.Tensor = factor * (model(x) - 1).square().mean()
                loss.backward()  # type: ignore[no-untyped-call]
                seen.append(loss.detach())
                return loss

            guard.begin()
            told = guard.evaluate(closure, lambda seen=seen: seen[0])  # type: ignore[misc]
            assert bool(torch.isnan(told)) == (step in bad)
        return [p.detach() for p in model.parameters()]

    for ours, theirs in zip(trained({0, 2}), trained(set()), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


LOSS = """    return F.cross_entropy(outputs["""
SPOILED = """    factor = torch.where(targets["label"].sum() % 16 == 5, float("nan"), 1.0)
    return factor * F.cross_entropy(outputs["""


def spoiled(root: Path, max_skips: int = 99, **train: object) -> Plan:
    """The toy's run whose loss is NaN for some batches, which ones the samples decide."""
    plan = toy.plan(root, on_nan="skip", max_skips=max_skips, **train)
    return replace(plan, source=plan.source.replace(LOSS, SPOILED))


def _batches(run: Path) -> list[dict[str, object]]:
    written = json.loads((run / "non_finite.json").read_text())
    batches: list[dict[str, object]] = written["batches"]
    return batches


class Enough(Exception):
    """A session that is cut off."""


class CutOff(toy.Silent):
    """Ends a session at a validation, after what was last saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def validated(self, record: object, *, best: bool) -> None:
        if record["step"] >= self.step:  # type: ignore[index]
            raise Enough


@pytest.mark.parametrize("average", [None, "ema"])
def test_a_run_with_bad_batches_ends_alike_however_often_it_is_cut(
    tmp_path: Path, average: str | None
) -> None:
    plan = spoiled(tmp_path, accumulate=2, average=toy.AVERAGES.get(average or ""))
    whole = toy.start(tmp_path / "whole", plan)
    batches = _batches(tmp_path / "whole")
    assert 0 < len(batches) < whole.summary["steps"]
    with pytest.raises(Enough):
        toy.start(tmp_path / "run", plan, progress=CutOff(8))
    with pytest.raises(Enough):
        toy.resume(tmp_path / "run", plan, progress=CutOff(16))
    resumed = toy.resume(tmp_path / "run", plan)
    assert resumed.summary["weights"] == whole.summary["weights"]
    assert _batches(tmp_path / "run") == batches
    assert all(batch["rows"] for batch in batches)


def test_too_many_bad_batches_end_the_run_with_its_last_good_checkpoint(tmp_path: Path) -> None:
    plan = spoiled(tmp_path, max_skips=1)
    with pytest.raises(Failure) as found:
        toy.start(tmp_path / "run", plan)
    assert found.value.diagnostic.code.number == "E0609"
    assert "2 batches had a loss or gradient" in found.value.diagnostic.message
    assert len(_batches(tmp_path / "run")) == 2
    for step in CheckpointStore(tmp_path / "run" / "checkpoints").steps():
        loaded = CheckpointStore(tmp_path / "run" / "checkpoints").load(step)
        values = [torch.as_tensor(value) for value in loaded.model.values()]
        assert all(torch.isfinite(value).all() for value in values)


def test_a_good_run_is_the_same_with_and_without_the_guard(tmp_path: Path) -> None:
    sections = "optimizer: adamw(lr=0.01)\nregularization: {max_norm: 2.0}\n"
    plain = toy.start(tmp_path / "plain", specs.plan(tmp_path, sections))
    guarded = specs.plan(tmp_path, sections, sets=("train.on_nan=skip",))
    assert guarded.settings.train.on_nan == "skip"
    found = toy.start(tmp_path / "guarded", guarded)
    assert found.summary["weights"] == plain.summary["weights"]
    assert not (tmp_path / "guarded" / "non_finite.json").exists()
