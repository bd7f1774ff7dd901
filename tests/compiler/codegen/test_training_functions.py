"""The functions beside the network do what the settings say."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any, cast

import pytest
import torch

from dlc.compiler import Compilation, Source, check
from dlc.compiler.codegen.torch_module import generate, generate_network
from dlc.compiler.codegen.torch_training import training_functions
from dlc.compiler.components import registry
from dlc.compiler.components.sections.regularization import Regularization
from dlc.compiler.components.settings import LossTerm, Settings
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.compiler.ops.base import Op
from dlc.runtime.loading import load_module, model_class
from tests.networks import Builder, program

N = symbol("N")


def make(kind: str, name: str, **arguments: Any) -> Any:
    return registry.load(kind, name)(**arguments)


def network(*kinds: str) -> Program:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 4))
    for kind in kinds or ("linear", "batch_norm1d"):
        arguments = {"out_features": 4} if kind == "linear" else {}
        x = b.apply(cast(Op, registry.load("op", kind)(**arguments)), x)
    b.output("y", x)
    b.output("z", b.apply(cast(Op, registry.load("op", "linear")(out_features=1)), x, name="z"))
    return program(b, label=int_tensor(N), value=float_tensor(N, 1))


def built(settings: Settings, net: Program | None = None) -> tuple[ModuleType, torch.nn.Module]:
    net = net or network()
    module = load_module(generate_network(net, functions=training_functions(net, settings)))
    return module, model_class(module)()


LOSSES = (
    LossTerm(weight=1.0, loss=make("loss", "cross_entropy", input="y", target="label")),
    LossTerm(weight=0.25, loss=make("loss", "mse_loss", input="z", target="value")),
    LossTerm(weight=2.0, loss=make("loss", "l1_loss", input="z", target="value")),
)


def test_the_loss_is_the_weighted_sum() -> None:
    module, model = built(Settings(loss=LOSSES))
    outputs = model(torch.randn(5, 4))
    targets = {"label": torch.randint(0, 4, (5,)), "value": torch.randn(5, 1)}
    f = torch.nn.functional
    wanted = (
        f.cross_entropy(outputs["y"], targets["label"])
        + 0.25 * f.mse_loss(outputs["z"], targets["value"])
        + 2.0 * f.l1_loss(outputs["z"], targets["value"])
    )
    assert torch.allclose(module.loss(outputs, targets), wanted)


def test_nothing_is_written_that_nothing_asks_for() -> None:
    assert training_functions(network(), Settings()) == ""
    module, _ = built(Settings(loss=LOSSES[:1]))
    assert not {"optimizer", "schedule", "penalty", "constrain"} & set(vars(module))


def test_penalties_are_for_weights_alone() -> None:
    section = Regularization(l1=0.5, l2=0.2, max_norm=0.75)
    module, model = built(Settings(regularization=section))
    weights = [p for n, p in model.named_parameters() if n in ("linear.weight", "z.weight")]
    wanted = sum(0.5 * w.abs().sum() + 0.1 * w.square().sum() for w in weights)
    assert torch.allclose(module.penalty(model), cast(torch.Tensor, wanted))
    norm = model.get_parameter("batch_norm1d.weight").detach().clone()
    with torch.no_grad():
        weights[0][0] = torch.tensor([3.0, 0.0, 4.0, 0.0])
        weights[0][1] = torch.tensor([0.1, 0.0, 0.0, 0.0])
    module.constrain(model)
    assert torch.allclose(weights[0][0], torch.tensor([0.45, 0.0, 0.6, 0.0]), atol=1e-5)
    assert torch.allclose(weights[0][1], torch.tensor([0.1, 0.0, 0.0, 0.0]))
    assert torch.equal(model.get_parameter("batch_norm1d.weight"), norm)


@pytest.mark.parametrize(
    ("roles", "undecayed"),
    [
        (("bias", "norm"), {"linear.bias", "z.bias", "batch_norm1d.weight", "batch_norm1d.bias"}),
        (("norm",), {"batch_norm1d.weight", "batch_norm1d.bias"}),
        (("bias",), None),
    ],
)
def test_weight_decay_leaves_the_roles_alone(
    roles: tuple[str, ...], undecayed: set[str] | None
) -> None:
    net = network()
    optimizer = make("optimizer", "sgd", lr=0.5, weight_decay=0.1, no_decay=roles)
    module, model = built(Settings(optimizer=optimizer), net)
    if undecayed is None:
        undecayed = {path for path, p in net.parameters() if p.role == "bias"}
    names = {id(p): name for name, p in model.named_parameters()}
    groups = module.optimizer(model).param_groups
    found = {group["weight_decay"]: {names[id(p)] for p in group["params"]} for group in groups}
    assert found == {0.1: set(names.values()) - undecayed, 0.0: undecayed}


def test_no_group_is_made_where_nothing_decays() -> None:
    optimizer = make("optimizer", "sgd", lr=0.5, no_decay=("bias", "norm"))
    module, model = built(Settings(optimizer=optimizer))
    assert len(module.optimizer(model).param_groups) == 1


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_optimizers_are_fused_where_they_can_be(name: str) -> None:
    module, model = built(Settings(optimizer=make("optimizer", name, lr=0.01)))
    assert module.optimizer(model).defaults["fused"] is True
    with torch.device("meta"):
        assert module.optimizer(model_class(module)()).defaults["fused"] is False


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("constant", {}),
        ("step", {"step_size": 3, "gamma": 0.5}),
        ("cosine", {"warmup_epochs": 2, "final_lr": 1e-4}),
        ("linear", {"warmup_steps": 7}),
    ],
)
def test_the_schedule_is_the_one_of_the_component(name: str, arguments: dict[str, Any]) -> None:
    schedule = make("schedule", name, **arguments)
    optimizer = make("optimizer", "sgd", lr=0.1)
    module, model = built(Settings(optimizer=optimizer, schedule=schedule))
    made = module.optimizer(model)
    steps = module.schedule(made, total_steps=50, steps_per_epoch=5)
    for step in range(50):
        wanted = 0.1 * schedule.factor_at(
            step, total_steps=50, steps_per_epoch=5, learning_rate=0.1
        )
        assert math.isclose(made.param_groups[0]["lr"], wanted, rel_tol=1e-9, abs_tol=1e-12)
        made.step()
        steps.step()


SPEC = """dlc: 1
name: Tiny
inputs:
  x: float[N, 4]
layers:
  - linear: 3
    output: logits
targets:
  label: int[N]
loss: cross_entropy(logits, label)
optimizer: sgd(lr=0.1)
"""


def compiled(text: str) -> Compilation:
    found = check(Source("spec.yaml", text))
    assert found.compilation is not None, found.diagnostics
    return found.compilation


def test_the_banner_names_the_spec_and_its_digest_and_no_day_or_place() -> None:
    compilation = compiled(SPEC)
    lines = generate(compilation).splitlines()
    assert lines[0] == '"""Tiny: 15 parameters.'
    assert compilation.digest in lines[3]
    assert generate(compiled("# a comment\n" + SPEC)) == generate(compilation)
    assert generate(compiled(SPEC.replace("0.1", "0.2"))) != generate(compilation)
