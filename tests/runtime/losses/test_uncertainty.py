"""Weights of losses that are learned from their uncertainty: as the paper has them, in runs too."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from checking import check_yaml, compiled
from torch.nn import functional as F

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.ensembles.trial import try_together
from dlc.runtime.export.exporter import export_network
from dlc.runtime.export.sources import of_run
from dlc.runtime.inference.measures import Measures
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.training import session
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.plan import plan_of
from dlc.runtime.training.progress import Silent

SPEC = """\
dlc: 1
name: Net
inputs:
  x: float[N, 8]
layers:
  - linear: 16
  - tanh:
    output: trunk
  - from: trunk
    linear: 3
    output: kind
  - from: trunk
    linear: 1
    output: size
  - from: trunk
    linear: 2
    output: place
targets:
  kind_label: int[N]
  size_value: float[N, 1]
  place_value: float[N, 2]
data:
  source: data.csv
  columns: {x: "x_*", kind_label: kind, size_value: size, place_value: "place_*"}
  split: {train: 0.7, validation: 0.3, seed: 5}
  batch_size: 32
loss: >-
  2 * uncertainty(cross_entropy(kind, kind_label), mse_loss(size, size_value))
  + l1_loss(place, place_value)
optimizer: adamw(lr=0.02, weight_decay=0.5)
train: {epochs: 3, seed: 11}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(1)
    header = ",".join([*(f"x_{i}" for i in range(8)), "kind", "size", "place_a", "place_b"])
    lines = [header]
    for row in draw.normal(size=(120, 8)):
        numbers = [*row, int(row[0] > 0) + int(row[1] > 0), 40 * row[2], row[3], row[4]]
        lines.append(",".join(f"{number:.4g}" for number in numbers))
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def values() -> dict[str, torch.Tensor]:
    return {
        "kind_label": torch.randint(0, 3, (9,)),
        "size_value": 10 * torch.randn(9, 1),
        "place_value": torch.randn(9, 2),
    }


def test_twenty_steps_are_those_of_the_paper() -> None:
    module = load_module(generate(compiled(check_yaml(SPEC))))
    torch.manual_seed(0)
    ours: Any = model_class(module)()
    theirs: Any = model_class(module)()
    theirs.load_state_dict(ours.state_dict())
    sigma = torch.ones(2, requires_grad=True)
    others = [p for name, p in theirs.named_parameters() if name != "log_variances"]
    x, t = torch.randn(9, 8), values()
    optimizers = [torch.optim.SGD(ours.parameters(), lr=1e-3), torch.optim.SGD(others, lr=1e-3)]
    for _ in range(20):
        found = module.loss(ours(x=x), t)
        y = theirs(x=x)
        s = sigma.square().log()
        weighed = F.cross_entropy(y["kind"], t["kind_label"]) / sigma[0] ** 2 + sigma[0].log()
        weighed = weighed + F.mse_loss(y["size"], t["size_value"]) / (2 * sigma[1] ** 2)
        expected = 2 * (weighed + sigma[1].log()) + F.l1_loss(y["place"], t["place_value"])
        torch.testing.assert_close(found, expected, rtol=2e-5, atol=1e-5)
        for value, optimizer in zip((found, expected), optimizers, strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        # The step of s = log sigma^2, whose slope is that of sigma times sigma / 2.
        assert sigma.grad is not None
        with torch.no_grad():
            stepped = s - 1e-3 * sigma.grad * sigma / 2
            sigma.copy_(torch.exp(stepped / 2))
            sigma.grad = None
    assert ours.log_variances.abs().min() > 1e-4
    torch.testing.assert_close(ours.log_variances, sigma.square().log(), rtol=1e-3, atol=1e-5)


def test_weight_decay_leaves_them_alone() -> None:
    module = load_module(generate(compiled(check_yaml(SPEC))))
    model: Any = model_class(module)()
    groups = module.optimizer(model).param_groups
    undecayed = [g["params"] for g in groups if g["weight_decay"] == 0.0]
    assert len(groups) == 2
    assert [[p is model.log_variances for p in given] for given in undecayed] == [[True]]


def test_evaluation_gives_nothing_but_the_outputs() -> None:
    module = load_module(generate(compiled(check_yaml(SPEC))))
    model: Any = model_class(module)()
    assert "log_variances" in model(x=torch.randn(2, 8))
    with torch.no_grad():
        # An optimizer may look for a step by the loss alone.
        assert "log_variances" in model(x=torch.randn(2, 8))
        assert set(model.eval()(x=torch.randn(2, 8))) == {"kind", "size", "place", "trunk"}
    # Gradients are checked with dropout and batch statistics off.
    assert "log_variances" in model(x=torch.randn(2, 8))


def test_networks_side_by_side_learn_what_they_learn_alone() -> None:
    module = load_module(generate(compiled(check_yaml(SPEC))))
    torch.manual_seed(0)
    models = [model_class(module)().train() for _ in range(2)]
    batches = [({"x": torch.randn(9, 8)}, values()) for _ in models]
    verdict = try_together(models, batches, module.loss, module.optimizer, measure=False)
    assert verdict.together, verdict.why


def test_a_measure_weighs_all_alike() -> None:
    compilation = compiled(check_yaml(SPEC))
    graph = compilation.program.graph
    outputs = {name: graph.values[value] for name, value in graph.outputs}
    types = {**outputs, **dict(compilation.program.targets)}
    measures = Measures(
        loss=compilation.settings.loss, metrics=(), outputs=tuple(outputs), types=types
    )
    t = values()
    y = {"kind": torch.randn(9, 3), "size": torch.randn(9, 1), "place": torch.randn(9, 2)}
    measures.add({name: v.numpy() for name, v in {**y, **t}.items()}, 9)
    alike = F.cross_entropy(y["kind"], t["kind_label"]) + F.mse_loss(y["size"], t["size_value"])
    expected = 2 * alike + F.l1_loss(y["place"], t["place_value"])
    assert measures.results()["loss"] == pytest.approx(float(expected), rel=1e-6)


def test_a_run_learns_them_keeps_them_and_exports_none(folder: Path) -> None:
    result = check(Source("net.yaml", SPEC), path=folder / "net.yaml")
    compilation = compiled(result)
    plan = plan_of(compilation, generate(compilation))

    def start(name: str) -> session.Outcome:
        return session.start(
            plan,
            folder / name,
            spec=("net.yaml", plan.resolved),
            load=load_module,
            progress=Silent(),
            device="cpu",
        )

    whole = start("whole")
    learned = load_weights(folder / "whole", "last")["log_variances"]
    # Sizes are spread by 40: their loss is given less weight, by far.
    assert float(learned[1]) > 0.1
    assert float(learned[1]) > float(learned[0])
    # The same run, whose last checkpoint is lost: its end is done again.
    start("part")
    shutil.rmtree(sorted((folder / "part" / "checkpoints").iterdir())[-1])
    (folder / "part" / "summary.json").unlink()
    again = session.resume(
        folder / "part", lambda _: plan, load=load_module, progress=Silent(), device="cpu"
    )
    assert again.summary["weights"] == whole.summary["weights"]

    exported = export_network(of_run(folder / "whole"), folder / "net.onnx")
    assert exported.parity.ok
    graph = onnx.load(exported.path).graph
    assert "log_variances" not in {tensor.name for tensor in graph.initializer}
    assert "log_variances" not in {value.name for value in graph.output}


def test_a_name_of_the_spec_may_not_be_theirs() -> None:
    result = check_yaml(SPEC.replace("size_value", "log_variances"))
    assert [d.code.number for d in result.diagnostics] == ["E0203"]


@pytest.mark.parametrize("weight", ["0", "-1"])
def test_a_weight_must_be_above_0(weight: str) -> None:
    result = check_yaml(SPEC.replace("loss: >-\n  2 *", f"loss: >-\n  {weight} *"))
    assert [d.code.number for d in result.diagnostics] == ["E0315"]
