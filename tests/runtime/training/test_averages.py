"""Averages of the weights: the numbers of torch, exact after every stop, taken where it counts."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import toy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from toy import AVERAGES, Spawn

from dlc.compiler.components.averages.base import Average
from dlc.compiler.components.averages.ema import Ema
from dlc.compiler.components.averages.snapshots import Snapshots, low_points
from dlc.compiler.components.averages.swa import Swa
from dlc.compiler.components.averages.top_k import TopK
from dlc.compiler.components.intervals.steps import Steps
from dlc.compiler.components.sections.split import Split
from dlc.runtime.failures import Failure
from dlc.runtime.training import assembly
from dlc.runtime.training.attached import hooks_of
from dlc.runtime.training.checkpoint import CheckpointStore, load_weights, weights_sha256
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.weights import load_tensors, owned_tensors

STEPS = 11  # of an epoch


class Witness(Hook):
    """Sees the weights after every step."""

    name: ClassVar[str] = "witness"

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[dict[str, torch.Tensor]] = []
        self.stop_at = stop_at

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.seen.append(self._weights())

    def after_step(self, step: int) -> None:
        self.seen.append(self._weights())
        if step == self.stop_at:
            self.trainer.stop.signal = signal.SIGTERM

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: t.clone() for name, t in owned_tensors(self.trainer.model).items()}


def watched_run(
    folder: Path, average: Average | None, monkeypatch: pytest.MonkeyPatch, **train: Any
) -> Witness:
    """A run of four epochs with an average, and all weights that it passed through."""
    witness = Witness()
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks_of(plan), witness))
    toy.start(folder, toy.plan(folder.parent, average=average, **train))
    return witness


def newest(folder: Path) -> dict[str, Any]:
    store = CheckpointStore(folder / "checkpoints")
    return store.load(store.steps()[-1]).average()


def floats(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: w for name, w in weights.items() if not name.endswith("num_batches_tracked")}


def test_ema_without_warm_up_is_the_averaged_model_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = watched_run(tmp_path / "run", Ema(decay=0.9, warmup=False), monkeypatch)
    model = toy.load(toy.MODULE).Toy()
    model.load_state_dict(witness.seen[0])
    torchs = AveragedModel(
        model,
        multi_avg_fn=get_ema_multi_avg_fn(0.9),
        use_buffers=True,  # type: ignore[no-untyped-call]
    )
    # Its first update copies: ours begins with the weights before the first step.
    for weights in witness.seen:
        model.load_state_dict(weights)
        torchs.update_parameters(model)
    expected = owned_tensors(torchs.module)
    found = newest(tmp_path / "run")
    assert found.keys() == expected.keys()
    for name, value in floats(found).items():
        assert np.array_equal(value, expected[name].numpy()), name
    # Torch averages counts too, and rounds them; a count of ours is that of the network.
    assert found["batch_norm1d.num_batches_tracked"] == 4 * STEPS


def test_ema_forgets_the_initial_weights_within_its_warm_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = watched_run(tmp_path / "run", Ema(decay=0.999), monkeypatch)
    average = witness.seen[0]["linear.weight"]
    for step, weights in enumerate(witness.seen[1:]):
        decay = min(0.999, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weights["linear.weight"]
    found = newest(tmp_path / "run")["linear.weight"]
    np.testing.assert_allclose(found, average.numpy(), rtol=1e-5, atol=1e-6)


def test_swa_is_the_mean_of_the_ends_of_late_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = watched_run(tmp_path / "run", Swa(start=0.3), monkeypatch)
    found = newest(tmp_path / "run")
    taken = [witness.seen[STEPS * epoch] for epoch in (2, 3, 4)]
    for name in ("linear.weight", "batch_norm1d.bias", "linear_2.bias"):
        mean = torch.stack([weights[name] for weights in taken]).double().mean(0)
        np.testing.assert_allclose(found[name], mean.numpy(), rtol=1e-6, atol=1e-7)
    # The same statistics from torch, in whose pass nothing but dropout differs: there is none
    # before the batch norm.
    trainer = witness.trainer
    load_tensors(trainer.model, found)
    epochs = trainer.epochs
    take = trainer.samples.in_order(epochs.order(0))
    ends = range(0, epochs.usable, epochs.batch_size)
    batches = [take(i, min(i + epochs.batch_size, epochs.usable))[0]["x"] for i in ends]
    update_bn(batches, trainer.model)
    for name in ("running_mean", "running_var"):
        key = f"batch_norm1d.{name}"
        expected = trainer.model.state_dict()[key].numpy()
        np.testing.assert_allclose(found[key], expected, rtol=1e-6)
        assert not np.allclose(found[key], torch.stack([w[key] for w in taken]).mean(0), rtol=1e-3)


def test_swa_takes_weights_at_the_stretches_that_it_is_told_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = watched_run(tmp_path / "run", Swa(start=0.5, every=Steps(n=10)), monkeypatch)
    taken = [witness.seen[step]["linear.weight"] for step in (30, 40, 44)]
    found = newest(tmp_path / "run")["linear.weight"]
    np.testing.assert_allclose(found, torch.stack(taken).mean(0).numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("monitor", "sign"), [("val_loss", 1), ("val_accuracy", -1)])
def test_top_k_is_the_mean_of_the_best_validations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, monitor: str, sign: int
) -> None:
    average = TopK(count=2, monitor=monitor)
    witness = watched_run(tmp_path / "run", average, monkeypatch)
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    figures = [(sign * json.loads(line)[monitor], json.loads(line)["step"]) for line in lines]
    taken = [witness.seen[step]["linear.weight"] for _, step in sorted(figures)[:2]]
    found = load_weights(tmp_path / "run")
    np.testing.assert_allclose(
        found["linear.weight"], torch.stack(taken).mean(0).numpy(), rtol=1e-5, atol=1e-7
    )
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["averaged"] == 2
    assert summary["weights"] == weights_sha256(found)
    # Nothing validated the mean on the way: its own figures are measured at the end.
    assert summary["metrics"] == measured(tmp_path / "run", witness.trainer)


def measured(folder: Path, trainer: Trainer) -> dict[str, float]:
    load_tensors(trainer.model, load_weights(folder))
    hooks, trainer.hooks.all = trainer.hooks.all, ()
    found = trainer.measure(trainer.validation)
    trainer.hooks.all = hooks
    return {f"val_{name}": value for name, value in found.items()}


@pytest.mark.parametrize("kind", AVERAGES)
def test_an_average_leaves_training_as_it_is(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.start(tmp_path / "plain", toy.plan(tmp_path))
    toy.start(tmp_path / "averaged", toy.plan(tmp_path, average=AVERAGES[kind]))
    plain, last = (load_weights(tmp_path / name, "last") for name in ("plain", "averaged"))
    assert weights_sha256(plain) == weights_sha256(last)
    assert weights_sha256(load_weights(tmp_path / "averaged")) != weights_sha256(last)


@pytest.mark.parametrize("kind", AVERAGES)
@pytest.mark.parametrize("stop_at", [16, 40])
def test_a_run_stopped_in_mid_epoch_ends_with_the_same_average(
    tmp_path: Path, kind: str, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toy.plan(tmp_path, average=AVERAGES[kind])
    whole = toy.start(tmp_path / "whole", plan)
    witness = Witness(stop_at)
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks_of(plan), witness))
    stopped = toy.start(tmp_path / "halves", plan)
    assert stopped.signal == "SIGTERM"
    monkeypatch.undo()
    ended = toy.resume(tmp_path / "halves", plan)
    a, b = (
        {**outcome.summary, "seconds": 0, "metrics": dict(outcome.summary["metrics"])}
        for outcome in (whole, ended)
    )
    assert a == b
    average = {folder: newest(tmp_path / folder) for folder in ("whole", "halves")}
    assert weights_sha256(average["whole"]) == weights_sha256(average["halves"])


@pytest.mark.parametrize("kind", AVERAGES)
def test_a_run_killed_at_any_moment_ends_with_the_same_average(
    tmp_path: Path, spawn: Spawn, kind: str
) -> None:
    words = ("--epochs", "40", "--average", kind)
    spawn(tmp_path / "a.log", "start", tmp_path / "a", *words).join(120)
    log = tmp_path / "b.log"
    for kill in range(3):
        begun = "resume" if (tmp_path / "b/run.json").exists() else "start"
        process = spawn(log, begun, tmp_path / "b", *words, "--pause", "0.01")
        lines = log.read_text().count("\n") if log.exists() else 0
        while process.is_alive() and (log.read_text().count("\n") if log.exists() else 0) <= lines:
            time.sleep(0.002)
        time.sleep(0.05 + 0.031 * kill)
        process.kill()
        process.join()
        assert process.exitcode == -9, log.read_text()
    spawn(log, "resume", tmp_path / "b", *words).join(120)
    assert weights_sha256(newest(tmp_path / "a")) == weights_sha256(newest(tmp_path / "b"))
    assert weights_sha256(load_weights(tmp_path / "a")) == weights_sha256(
        load_weights(tmp_path / "b")
    )


def test_validations_measure_the_average_and_the_best_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = watched_run(tmp_path / "run", Ema(decay=0.9), monkeypatch)
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    best = summary["best"]["step"]
    store = CheckpointStore(tmp_path / "run/checkpoints")
    kept = store.load(best)
    assert weights_sha256(load_weights(tmp_path / "run")) == weights_sha256(kept.average())
    assert weights_sha256(load_weights(tmp_path / "run", "best")) == weights_sha256(kept.average())
    found = measured(tmp_path / "run", witness.trainer)
    assert found["val_loss"] == pytest.approx(summary["best"]["value"], rel=1e-6)
    last = store.load(store.steps()[-1])
    assert weights_sha256(load_weights(tmp_path / "run", "average")) == weights_sha256(
        last.average()
    )
    assert weights_sha256(load_weights(tmp_path / "run", "last")) == weights_sha256(last.model)


def test_a_run_without_an_average_is_told_how_to_make_one(tmp_path: Path) -> None:
    toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=1, early_stopping=None))
    with pytest.raises(Failure, match="holds no average") as caught:
        load_weights(tmp_path / "run", "average")
    assert "train.average" in str(caught.value.diagnostic.help)
    with pytest.raises(Failure, match="monitors no figure"):
        load_weights(tmp_path / "run", "best")


def test_top_k_needs_rows_to_validate_on(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, average=TopK(), early_stopping=None)
    data = replace(plan.data, split=Split(train=0.9, validation=0.0, test=0.1))
    plan = replace(plan, settings=replace(plan.settings, data=data))
    with pytest.raises(Failure, match="`top_k` watches `val_loss`, and there is no validation"):
        toy.start(tmp_path / "run", plan)


# ── snapshots ────────────────────────────────────────────────────────────────

CYCLES = toy.MODULE.replace("min(step / total_steps, 1)", "(step % 11 / 11)")


def cyclic_plan(root: Path) -> Plan:
    return replace(toy.plan(root, average=Snapshots(count=3)), source=CYCLES)


def test_snapshots_are_an_ensemble_of_the_last_low_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness()
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks_of(plan), witness))
    plan = cyclic_plan(tmp_path)
    outcome = toy.start(tmp_path / "run", plan)
    weights = load_weights(tmp_path / "run")
    assert outcome.summary["averaged"] == 3
    assert outcome.summary["weights"] == weights_sha256(weights)
    for member, step in enumerate((22, 33, 44)):
        for name, taken in witness.seen[step].items():
            assert np.array_equal(weights[f"members.{member}.{name}"], taken.numpy()), name
    # What is measured at the end is the mean of their probabilities.
    trainer = witness.trainer
    take = trainer.samples.in_order(trainer.validation)
    inputs, targets = take(0, len(trainer.validation))
    model = toy.load(CYCLES).Toy().eval()
    each = []
    for step in (22, 33, 44):
        model.load_state_dict(witness.seen[step])
        each.append(model(**inputs)["logits"].softmax(1))
    mean = torch.stack(each).mean(0)
    loss = torch.nn.functional.nll_loss(mean.log(), targets["label"]).item()
    assert outcome.summary["metrics"]["val_loss"] == pytest.approx(loss, rel=1e-5)


def test_snapshots_survive_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = cyclic_plan(tmp_path)
    whole = toy.start(tmp_path / "whole", plan)
    for stop_at in (22, 30):
        witness = Witness(stop_at)
        with monkeypatch.context() as context:
            context.setattr(assembly, "hooks_of", lambda plan, w=witness: (*hooks_of(plan), w))
            toy.start(tmp_path / str(stop_at), plan)
        ended = toy.resume(tmp_path / str(stop_at), plan)
        assert ended.summary["weights"] == whole.summary["weights"]
        assert ended.summary["metrics"] == whole.summary["metrics"]


def test_low_points_are_where_a_rate_has_fallen_and_rises() -> None:
    assert low_points([0.5, 1.0, 0.6, 0.2]) == 1
    assert low_points([0.1, 0.2, 0.2, 0.1, 0.1, 0.2, 0.1, 0.3, 0.3]) == 3
    assert low_points([0.1] * 9) == 1
