"""Rates of dropout, penalties by layer, and what holds after a step."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
import torch
import toy
from test_optimizer_runs import whole_and_resumed

import specs
from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.training import assembly
from dlc.runtime.training.attached import hooks_of
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.trainer import Trainer


class Rates(Hook):
    """The rates of dropout before each step."""

    name: ClassVar[str] = "rates"

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.trainer: Trainer | None = None

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def before_step(self, step: int) -> None:
        assert self.trainer is not None
        layers = [m for m in self.trainer.model.modules() if isinstance(m, torch.nn.Dropout)]
        self.seen += [layer.p for layer in layers]


class Norms(Hook):
    """The largest norm of what comes in to a unit, of each layer after each step."""

    name: ClassVar[str] = "norms"

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {}

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def after_step(self, step: int) -> None:
        for name in ("first", "second", "logits"):
            weight = getattr(self.trainer.model, name).weight.detach()
            self.seen.setdefault(name, []).append(float(weight.norm(dim=1).max()))


SECTIONS = "optimizer: adamw\n"


def test_the_rate_of_dropout_changes_between_epochs_and_is_exact_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = Rates()
    spec = specs.SPEC.replace("seed: 3,", "seed: 3, dropout: {start: 0.5, end: 0.1},")
    plan = specs.plan(tmp_path, SECTIONS, spec, sets=("train.epochs=5",))
    whole, resumed = whole_and_resumed(tmp_path, plan, monkeypatch, at=25)
    assert resumed["weights"] == whole["weights"]
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks_of(plan), rates))
    toy.start(tmp_path / "seen", plan)
    wanted = [p for p in (0.5, 0.4, 0.3, 0.2, 0.1) for _ in range(11)]
    assert rates.seen == pytest.approx(wanted)
    constant = toy.start(tmp_path / "constant", specs.plan(tmp_path, SECTIONS)).summary
    assert constant["weights"] != whole["weights"]


def test_some_layers_may_have_rates_of_their_own(tmp_path: Path) -> None:
    spec = specs.SPEC.replace(
        "  - relu\n  - linear: 3", "  - dropout: 0.3\n    name: late\n  - linear: 3"
    )
    rates = (
        "[{match: late, start: 0.1, end: 0.4, shape: cosine, epochs: 3}, {start: 0.5, end: 0.5}]"
    )
    spec = spec.replace("seed: 3,", f"seed: 3, dropout: {rates},")
    plan = specs.plan(tmp_path, SECTIONS, spec)
    module = toy.load(plan.source)
    model = module.Toy()
    found = []
    for epoch in range(5):
        module.set_dropout(model, epoch)
        found.append((model.dropout.p, model.late.p))
    assert found == [(0.5, pytest.approx(p)) for p in (0.1, 0.25, 0.4, 0.4, 0.4)]


def test_a_penalty_is_what_the_section_says_of_each_layer(tmp_path: Path) -> None:
    sections = """optimizer: sgd(lr=0.1)
regularization:
  l1: {first: 0.3}
  l2: {default: 0.2, logits: 0}
  orthogonal: {second: 0.5, logits: 0.25}
"""
    module = toy.load(specs.plan(tmp_path, sections).source)
    model = module.Toy()
    first, second, logits = (getattr(model, name).weight for name in ("first", "second", "logits"))
    wanted = 0.3 * first.abs().sum() + 0.1 * (first.square().sum() + second.square().sum())
    wanted = wanted + 0.5 * (second @ second.T - torch.eye(12)).square().sum()
    wanted = wanted + 0.25 * (logits @ logits.T - torch.eye(3)).square().sum()
    assert torch.allclose(module.penalty(model), wanted)


def test_orthogonality_is_over_rows_or_columns_whichever_are_fewer(tmp_path: Path) -> None:
    sections = "optimizer: sgd(lr=0.1)\nregularization: {orthogonal: 1.0}\n"
    module = toy.load(specs.plan(tmp_path, sections).source)
    model = module.Toy()
    for name in ("first", "second", "logits"):
        torch.nn.init.orthogonal_(getattr(model, name).weight)
    assert float(module.penalty(model).detach()) < 1e-9
    with torch.no_grad():
        model.first.weight.mul_(2.0)
    # Four columns of length 2: each product with itself is 4 where 1 is wanted.
    assert float(module.penalty(model).detach()) == pytest.approx(4 * 9.0, rel=1e-5)


def test_max_norm_is_over_what_comes_in_to_a_unit(tmp_path: Path) -> None:
    spec = """dlc: 1
name: Toy
inputs:
  x: float[N, 2, 4, 4]
layers:
  - conv_transpose2d: [3, 2]
    name: up
  - prelu: 3
  - flatten
  - linear: 1
    output: y
targets:
  value: float[N, 1]
loss: mse_loss(y, value)
optimizer: sgd(lr=0.1)
regularization: {max_norm: {default: 1.0, y: 0.5}}
"""
    compilation = check(Source("net.yaml", spec)).compilation
    assert compilation is not None
    module = toy.load(generate(compilation))
    model = module.Toy()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(5.0)
    module.constrain(model)
    assert model.up.weight.transpose(0, 1).flatten(1).norm(dim=1).tolist() == pytest.approx(
        [1.0] * 3
    )
    assert float(model.y.weight.detach().norm()) == pytest.approx(0.5)
    assert model.prelu.weight.tolist() == [5.0] * 3


def test_max_norm_holds_after_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"first": 0.6, "second": 0.9}
    norms = Norms()
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks_of(plan), norms))
    # Steps so long that each would leave the ball.
    sections = "optimizer: sgd(lr=1.0, momentum=0.9)\n"
    bound = "regularization: {max_norm: {first: 0.6, default: 0.9, logits: 50}}\n"
    plan = specs.plan(tmp_path, sections + bound)
    steps = toy.start(tmp_path / "bound", plan).summary["steps"]
    for name, limit in limits.items():
        assert len(norms.seen[name]) == steps
        assert max(norms.seen[name]) <= limit * (1 + 1e-6)
        assert max(norms.seen[name]) == pytest.approx(limit, rel=1e-4)
    norms.seen.clear()
    toy.start(tmp_path / "free", specs.plan(tmp_path, sections))
    assert all(max(norms.seen[name]) > limit for name, limit in limits.items())


def losses_of(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def test_without_dropout_the_loss_of_logistic_regression_never_rises(tmp_path: Path) -> None:
    # It is convex: gradient descent on the full batch, at less than 2 / L, has to descend.
    sections = "optimizer: sgd(lr=0.5)\n"
    text = specs.LINEAR.replace("  - linear: 3", "  - dropout: RATE\n  - linear: 3")
    text = text.replace("steps: 12,", "steps: 40, validate_every: steps(1),")
    found = {}
    for rate in ("0.0", "0.5"):
        plan = specs.plan(tmp_path, sections, text.replace("RATE", rate))
        toy.start(tmp_path / rate, plan)
        found[rate] = losses_of(tmp_path / rate)
        assert len(found[rate]) == 40
    assert all(after < before for before, after in pairwise(found["0.0"]))
    assert any(after > before for before, after in pairwise(found["0.5"]))
