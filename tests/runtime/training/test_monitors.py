"""The monitors change nothing, survive a stop, and name what is wrong with bad networks."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import toy

import specs
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.monitors import hook
from dlc.runtime.training.monitors.effective_rank import effective_ranks
from dlc.runtime.training.monitors.hook import Monitors
from dlc.runtime.training.monitors.judge import Judge
from dlc.runtime.training.monitors.reading import LayerReading, Reading
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Silent

_DECAYING = "sgd(lr=1, weight_decay=0.9)"
_RECURRENT = """dlc: 1
name: Toy
inputs:
  x: float[N, 4]
layers:
  - reshape: [-1, 4, 1]
  - lstm: {hidden_size: 5, num_layers: 2, dropout: 0.3}
  - flatten
  - linear: 3
    output: logits
""" + specs.SPEC[specs.SPEC.index("targets:") :]


class Spoken(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def _records(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "monitors.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def _dense(activation: str, init: str, *, depth: int = 3, width: int = 32) -> str:
    layers = f"[{{linear: {width}}}, {activation}]"
    given = f"  - repeat: {depth}\n    layers: {layers}\n  - linear: 3\n    output: logits\n"
    before, after = specs.SPEC.index("  - linear"), specs.SPEC.index("targets:")
    return f"{specs.SPEC[:before]}{given}init: {{linear: {init}}}\n{specs.SPEC[after:]}"


def _findings(
    folder: Path, spec: str, optimizer: str, *sets: str
) -> tuple[dict[str, str], list[str]]:
    """The layers by the codes of what was found, and the lines that were said."""
    plan = specs.plan(folder, f"optimizer: {optimizer}\n", spec, ("train.epochs=4", *sets))
    spoken = Spoken()
    toy.start(folder / "run", plan, progress=spoken)
    found = [f for record in _records(folder / "run") for f in record.get("findings", ())]
    return {finding["code"]: finding["layer"] for finding in found}, spoken.lines


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample after every fourth step."""
    monkeypatch.setattr(hook, "_LEAST_DISTANCE", 4)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("spec", [specs.SPEC, _RECURRENT], ids=["batch_norm", "lstm"])
def test_watching_a_run_does_not_change_it(tmp_path: Path, spec: str) -> None:
    plans = [
        specs.plan(tmp_path, "optimizer: adamw(lr=5e-3)\n", spec, (f"train.monitors={on}",))
        for on in ("true", "false")
    ]
    watched, alone = (
        toy.start(tmp_path / str(k), plan).summary["weights"] for k, plan in enumerate(plans)
    )
    assert watched == alone
    assert len(_records(tmp_path / "0")) > 5
    assert not (tmp_path / "1" / "monitors.jsonl").exists()


@pytest.mark.usefixtures("often")
def test_a_run_that_was_stopped_has_the_records_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = specs.plan(tmp_path, "optimizer: adamw(lr=5e-3)\n")
    toy.start(tmp_path / "whole", plan)

    class Stopping(Monitors):
        def after_step(self, step: int) -> None:
            super().after_step(step)
            if step == 18:
                self._trainer.stop.signal = signal.SIGTERM

    def stopping(plan: Plan) -> tuple[Hook, ...]:
        return (Stopping(plan),)

    with monkeypatch.context() as patched:
        patched.setattr("dlc.runtime.training.assembly.hooks_of", stopping)
        toy.start(tmp_path / "halves", plan)
    # What a run that was killed wrote after its last checkpoint is written again.
    with (tmp_path / "halves" / "monitors.jsonl").open("a") as file:
        file.write('{"step": 20}\n{"st')
    toy.resume(tmp_path / "halves", plan)
    assert _records(tmp_path / "halves") == _records(tmp_path / "whole")


def test_samples_become_rarer_and_are_bounded(tmp_path: Path) -> None:
    monitors = Monitors(specs.plan(tmp_path, "optimizer: sgd(lr=0.1)\n"))
    monitors._distance = 512
    due = [step + 1 for step in range(1536) if monitors.is_due(step)]
    assert due == [1, 16, 256, 512, 1024, 1536]


@pytest.mark.usefixtures("often")
def test_a_healthy_network_has_no_finding(tmp_path: Path) -> None:
    spec = _dense("relu", "kaiming_normal")
    assert _findings(tmp_path, spec, "adam(lr=3e-3)")[0] == {}


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize(
    ("code", "layer", "spec", "optimizer"),
    [
        ("W0310", "linear.0", _dense("sigmoid", "xavier_normal", depth=20), "sgd(lr=0.1)"),
        ("W0311", "", _dense("relu", "normal(std=3)", depth=5), "sgd(lr=1e-9)"),
        ("W0312", "relu.1", _dense("relu", "kaiming_normal"), "sgd(lr=1)"),
        ("W0313", "tanh.0", _dense("tanh", "normal(std=4)"), "sgd(lr=0.01)"),
        ("W0314", "linear.0", _dense("tanh", "xavier_normal", depth=1), _DECAYING),
        ("W0315", "", _dense("relu", "kaiming_normal"), "sgd(lr=1e-8)"),
    ],
)
def test_a_bad_network_is_named_with_its_cause(
    tmp_path: Path, code: str, layer: str, spec: str, optimizer: str
) -> None:
    found, _ = _findings(tmp_path, spec, optimizer, "train.validate_every=epochs(4)")
    assert found.get(code) == layer, found


@pytest.mark.usefixtures("often")
def test_a_finding_is_said_once_with_its_place_and_remedy(tmp_path: Path) -> None:
    _, lines = _findings(tmp_path, _dense("tanh", "normal(std=4)"), "sgd(lr=0.01)")
    said = [line for line in lines if "W0313" in line]
    assert len(said) == 1
    assert "toy.yaml:" in said[0]
    assert "help: start with smaller weights" in said[0]


def _judged(*readings: Reading) -> list[tuple[str, str]]:
    judge = Judge(recurrent=False, clipped=False)
    found = [f for reading in readings for f in judge.findings(reading, halfway=True)]
    return [(finding.number, finding.layer) for finding in found]


def test_signals_that_move_with_a_step_are_a_finding_but_for_the_last_layer() -> None:
    still, moved = LayerReading(drift=0.1), LayerReading(drift=1.5)
    assert _judged(Reading(step=20, layers={"a": still, "b": moved})) == []
    assert _judged(Reading(step=20, layers={"a": moved, "b": still})) == [("W0316", "a")]
    assert _judged(Reading(step=15, layers={"a": moved, "b": still})) == []


def test_a_rank_that_fell_to_a_tenth_is_a_finding() -> None:
    first = Reading(step=1, ranks={"a": 60.0, "b": 60.0})
    then = Reading(step=99, ranks={"a": 6.5, "b": 5.5})
    assert _judged(first, then) == [("W0317", "b")]


def test_what_the_judge_remembers_survives_a_stop() -> None:
    large = LayerReading(update=0.5)
    judge, after = (Judge(recurrent=False, clipped=False) for _ in range(2))
    assert not [*judge.findings(Reading(step=20, layers={"a": large}), halfway=True)]
    after.restore(json.loads(json.dumps(judge.state())))
    found = [*after.findings(Reading(step=24, layers={"a": large}), halfway=True)]
    assert [(finding.number, finding.layer) for finding in found] == [("W0314", "a")]


def test_effective_ranks_are_those_of_known_matrices() -> None:
    same, line = torch.eye(8), torch.ones(8, 1) @ torch.arange(1.0, 7.0)[None]
    kernel = torch.eye(8).reshape(8, 2, 2, 2)
    broken = torch.full((3, 3), torch.nan)
    found = effective_ranks(
        {"same": same, "line": line, "kernel": kernel, "broken": broken}, [["line", "same"]]
    )
    assert {name: round(rank, 4) for name, rank in found.items()} == {
        "same": 8.0,
        "line": 1.0,
        "kernel": 8.0,
        "line…same": 1.0,
    }
