"""Optimizers are torch's, argument by argument."""

from __future__ import annotations

import inspect
from typing import Any, cast

import pytest
import torch

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError, arguments
from dlc.compiler.components.optimizers.adam import Adam
from dlc.compiler.components.optimizers.adamw import Adamw
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.optimizers.sgd import Sgd
from dlc.compiler.diagnostics.suggest import did_you_mean


def make(name: str, **arguments: Any) -> Optimizer:
    return cast(Optimizer, registry.load("optimizer", name)(**arguments))


CASES: list[Optimizer] = [
    Sgd(lr=0.1),
    Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    Adam(lr=2e-3, betas=(0.8, 0.99), amsgrad=True),
    Adamw(weight_decay=0.05, eps=1e-6, no_decay=("bias", "norm")),
    make("asgd", lr=0.05, lambd=1e-3, alpha=0.5, t0=5.0, weight_decay=1e-4),
    make("adadelta", lr=0.5, rho=0.8, eps=1e-5, weight_decay=1e-4),
    make("adafactor", lr=0.1, beta2_decay=-0.5, eps=(1e-9, 1e-2), d=2.0, weight_decay=0.01),
    make("adafactor"),
    make("adagrad", lr=0.1, lr_decay=0.01, initial_accumulator_value=0.1, eps=1e-8),
    make("adamax", betas=(0.8, 0.99), eps=1e-6, weight_decay=1e-3),
    make("nadam", momentum_decay=1e-2, weight_decay=1e-2, decoupled_weight_decay=True),
    make("radam", betas=(0.8, 0.99), weight_decay=1e-2, decoupled_weight_decay=True),
    make("rmsprop", lr=1e-3, alpha=0.9, momentum=0.9, centered=True, weight_decay=1e-4),
    make("rprop", lr=0.02, etas=(0.4, 1.3), step_sizes=(1e-5, 1.0)),
    make("lbfgs", lr=0.5, max_iter=4, max_eval=6, history_size=5, line_search_fn="strong_wolfe"),
    make("sparse_adam", betas=(0.8, 0.99), eps=1e-6),
    make("muon", lr=0.02, momentum=0.9, nesterov=False, ns_steps=4, adjust_lr_fn="original"),
]

# What torch does not have: `newton` is a class of ours in the generated module.
OURS = {"newton"}
# Arguments that are not torch's: what the generated module makes of them is tested there.
OWN = {"no_decay", "groups", "others"}


def test_every_optimizer_is_tried_here() -> None:
    assert {case.name for case in CASES} == set(registry.names("optimizer")) - OURS


def test_every_optimizer_of_torch_leads_to_ours() -> None:
    classes = {
        name
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    } - {"Optimizer"}
    ours = {registry.load("optimizer", n): n for n in registry.names("optimizer")}
    assert {cast(Any, cls).torch_class for cls in ours} - {""} == classes
    for name in classes:
        word, _ = did_you_mean(name, registry.names("optimizer"), "optimizer")
        assert word is not None
        assert cast(Any, registry.load("optimizer", word)).torch_class == name


@pytest.mark.parametrize("optimizer", CASES, ids=repr)
def test_arguments_and_defaults_are_torchs(optimizer: Optimizer) -> None:
    optimizer.validate()
    path, given = optimizer.torch()
    assert path.startswith("torch.optim.")
    cls = getattr(torch.optim, path.rpartition(".")[2])
    made = cls([torch.zeros(2, 2, requires_grad=True)], **given)
    for name, spec in arguments(type(optimizer)).items():
        if name not in OWN:
            assert made.defaults[name] == getattr(optimizer, name)
            assert inspect.signature(cls).parameters[name].default == spec.default


def test_positional_arguments_are_in_torchs_order() -> None:
    for case in CASES:
        cls = getattr(torch.optim, case.torch()[0].rpartition(".")[2])
        ours = [name for name, spec in arguments(type(case)).items() if spec.positional]
        theirs = [name for name in inspect.signature(cls).parameters if name in ours]
        assert ours == theirs


def test_what_is_default_is_left_out() -> None:
    assert Adamw(lr=1e-3).torch() == ("torch.optim.AdamW", {"lr": 1e-3})


def test_no_decay_names_roles() -> None:
    assert Adamw(no_decay=("bias", "norm")).undecayed == ("bias", "norm")
    assert Adam().undecayed == ()


@pytest.mark.parametrize(
    ("optimizer", "blame"),
    [
        (Sgd(lr=0.1, nesterov=True), "nesterov"),
        (Sgd(lr=0.1, momentum=0.9, dampening=0.1, nesterov=True), "dampening"),
        (Sgd(lr=0.1, dampening=0.1), "dampening"),
    ],
    ids=repr,
)
def test_momentum_settings_that_exclude_each_other(optimizer: Sgd, blame: str) -> None:
    with pytest.raises(ComponentError) as caught:
        optimizer.validate()
    assert (caught.value.code, caught.value.blame) == ("E0311", blame)
