"""What a run settles for speed: by the spec, by rule, by a trial; and that none of it changes
what is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import toy

from dlc.compiler.components.sections.train import Train
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.engine import rules, settling, trial_cache
from dlc.runtime.training.engine import trial as trials
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.traits import Traits
from dlc.runtime.training.engine.trial import Measured, Trial, fastest

CPU, GPU = torch.device("cpu"), torch.device("cuda")
LARGE_IMAGES = Traits(macs=10**10, images=True, static=True)
SMALL = Traits(macs=10**5, images=False, static=True)
PLAIN = Choices()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def fast_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "has_fast_bf16", lambda device: True)


def by_rule(traits: Traits, device: torch.device = CPU, **train: Any) -> Choices:
    return rules.settled(Train(**train), traits, device)


def measured(rate: float, setup: float = 0.0, **choices: Any) -> Measured:
    return Measured(choices=Choices(**choices), steps_per_second=rate, setup_seconds=setup)


def test_rules_follow_the_size_of_the_work_and_the_machine(fast_bf16: None) -> None:
    assert by_rule(LARGE_IMAGES) == Choices(precision="bf16", channels_last=True)
    assert by_rule(SMALL) == PLAIN
    assert by_rule(replace(SMALL, macs=2 * 10**9)) == Choices(precision="bf16")
    assert by_rule(LARGE_IMAGES, GPU) == Choices(precision="bf16", channels_last=True, tf32=True)


def test_bf16_is_not_chosen_where_the_machine_is_slow_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "has_fast_bf16", lambda device: False)
    assert by_rule(LARGE_IMAGES) == Choices(channels_last=True)
    found = rules.alternatives(Choices(channels_last=True), Train(), LARGE_IMAGES, CPU)
    assert found == (PLAIN,)


def test_what_the_spec_states_is_never_overridden(fast_bf16: None) -> None:
    stated: dict[str, Any] = {"precision": "float32", "channels_last": False, "compile": False}
    chosen = by_rule(LARGE_IMAGES, **stated)
    assert chosen == PLAIN
    train = Train(**stated)
    assert rules.alternatives(chosen, train, LARGE_IMAGES, CPU) == ()
    form = rules.compiled_form(chosen, train, LARGE_IMAGES, blocks=True, whole=True)
    assert form is None
    assert by_rule(SMALL, precision="bf16").precision == "bf16"
    assert by_rule(SMALL, GPU, tf32=False).tf32 is False
    assert by_rule(SMALL, compile=True).compile == "blocks"


def test_every_alternative_differs_in_what_is_left_open(fast_bf16: None) -> None:
    chosen = by_rule(LARGE_IMAGES)
    found = rules.alternatives(chosen, Train(), LARGE_IMAGES, CPU)
    assert set(found) == {Choices(channels_last=True), PLAIN}
    assert rules.alternatives(PLAIN, Train(), SMALL, CPU) == (Choices(precision="bf16"),)
    with_graphs = rules.alternatives(PLAIN, Train(), SMALL, GPU)
    assert Choices(cuda_graphs=True) in with_graphs


def test_the_default_is_left_for_a_clear_gain_only() -> None:
    slower, faster = measured(104, precision="bf16"), measured(106, precision="bf16")
    assert fastest([measured(100), slower], PLAIN, 1000, 1.05).choices == PLAIN
    assert fastest([measured(100), faster], PLAIN, 1000, 1.05).choices.precision == "bf16"


class Slowed(Trial):
    """A trial on a machine that others use more and more: what is measured later is slower."""

    def __init__(self) -> None:
        self.device, self.total = CPU, 10**9
        self.epochs = SimpleNamespace(batch_size=8, group=8)  # type: ignore[assignment]

    def compare(self, first: Choices, others: Any) -> tuple[Measured, ...]:
        rates = {"bf16": 10.0, "float32": 6.0}
        return tuple(
            Measured(choices=c, steps_per_second=rates[c.precision]) for c in (first, *others)
        )

    def compare_compiled(self, best: Choices, compiled: Choices) -> tuple[Measured, ...]:
        return (
            Measured(choices=best, steps_per_second=2.0),
            Measured(choices=compiled, steps_per_second=1.9, setup_seconds=90.0),
        )

    def seconds_of_a_step(self, choices: Choices) -> float:
        return 0.1


def test_what_two_trials_measured_is_compared_at_one_speed(tmp_path: Path, fast_bf16: None) -> None:
    plan = toy.plan(tmp_path)
    traits = replace(SMALL, macs=2 * 10**9)
    found = settling.settle(plan, torch.nn.Linear(1, 1), traits, Slowed(), whole=False)
    assert found.choices == Choices(precision="bf16")
    assert found.gain == pytest.approx(10 / 6, rel=1e-3)


def test_compiling_has_to_pay_for_itself() -> None:
    compiled = measured(200, 30, compile="step")
    assert fastest([measured(100), compiled], PLAIN, 5_000, 1.05).choices == PLAIN
    assert fastest([measured(100), compiled], PLAIN, 50_000, 1.05).choices.compile == "step"


@pytest.fixture
def eager_trials(monkeypatch: pytest.MonkeyPatch, fast_bf16: None) -> list[Choices]:
    """Trials in runs of any length, of which the second candidate is told to be the faster."""
    tried: list[Choices] = []
    rounds = Trial._rounds

    def told(self: Trial, candidates: Any, turn: int, late: Any) -> tuple[Measured, ...]:
        found = rounds(self, candidates, 1, late)
        tried.extend(m.choices for m in found)
        return tuple(replace(m, steps_per_second=100.0 * (n + 1)) for n, m in enumerate(found))

    monkeypatch.setattr(Trial, "_rounds", told)
    monkeypatch.setattr(trials, "SHARE", 1e9)
    monkeypatch.setattr(settling, "SHORTEST_RUN", 0.0)
    return tried


def test_a_trial_leaves_the_run_as_if_the_spec_had_said_so(
    tmp_path: Path, eager_trials: list[Choices]
) -> None:
    plan = toy.plan(tmp_path, epochs=2)
    by_trial = toy.start(tmp_path / "trial", plan)
    assert eager_trials == [PLAIN, Choices(precision="bf16")]
    record = json.loads((tmp_path / "trial" / "run.json").read_text())["choices"]
    assert (record["settled"], record["precision"], record["gain"]) == ("trial", "bf16", 2.0)
    assert [m["steps_per_second"] for m in record["measured"]] == [100.0, 200.0]
    assert by_trial.summary["computed"] == {"in": "bf16", "gain": 2.0}
    stated = toy.start(tmp_path / "stated", toy.plan(tmp_path, epochs=2, precision="bf16"))
    assert stated.summary["weights"] == by_trial.summary["weights"]


def test_resuming_takes_the_choices_and_makes_no_trial(
    tmp_path: Path, eager_trials: list[Choices]
) -> None:
    plan = toy.plan(tmp_path, epochs=2)
    toy.start(tmp_path / "run", plan)
    before = (tmp_path / "run" / "run.json").read_bytes()
    eager_trials.clear()
    toy.resume(tmp_path / "run", plan)
    assert eager_trials == []
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_the_next_run_takes_what_was_measured_and_no_damaged_file(
    tmp_path: Path, cache: Path, eager_trials: list[Choices]
) -> None:
    plan = replace(toy.plan(tmp_path, epochs=1), graph_digest="1" * 64)
    toy.start(tmp_path / "first", plan)
    eager_trials.clear()
    toy.start(tmp_path / "second", plan)
    assert eager_trials == []
    record = json.loads((tmp_path / "second" / "run.json").read_text())["choices"]
    assert (record["settled"], record["precision"]) == ("cache", "bf16")
    (kept,) = (cache / "dlc" / "trials").iterdir()
    whole = kept.read_text()
    foreign = json.loads(whole)
    foreign["measured"][1]["precision"] = "fp4"
    for number, text in enumerate(
        ("", "[" * 10**5, "{}", whole[:-20], whole.replace("1" * 64, "2" * 64), json.dumps(foreign))
    ):
        kept.write_text(text)
        eager_trials.clear()
        toy.start(tmp_path / f"again-{number}", plan)
        assert len(eager_trials) == 2, text[:40]
        assert kept.read_text() != text


def test_a_cache_that_cannot_be_written_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    trial_cache.store({"graph": "1"}, [measured(1)])
    assert trial_cache.load({"graph": "1"}) == ()


def test_a_short_run_is_not_tried(
    tmp_path: Path, fast_bf16: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trial, "_prepare", lambda *_: pytest.fail("it is measured"))
    toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=20))
    record = json.loads((tmp_path / "run" / "run.json").read_text())["choices"]
    assert (record["settled"], record["measured"], record["gain"]) == ("rule", [], None)


def test_the_choices_are_told_in_words() -> None:
    choices = Choices(precision="bf16", channels_last=True)
    record = {**choices.record(), "gain": 2.084}
    assert settling.told(record) == "bf16, channels last, 2.08 times plain float32"
    assert settling.told({**PLAIN.record(), "gain": 1.0}) == "float32"
    text = str(Choices(tf32=True, compile="blocks", cuda_graphs=True, micro_batch=8))
    assert text == "TF32, compiled by block, CUDA graphs, 8 samples at once"
    assert Choices.of(choices.record()) == choices


def test_the_run_is_what_its_weights_say(tmp_path: Path) -> None:
    toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=1, precision="fp16"))
    kinds = {value.dtype.name for value in load_weights(tmp_path / "run").values()}
    assert kinds == {"float32", "int64"}
