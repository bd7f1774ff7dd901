"""Optimizers are torch's, argument by argument."""

from __future__ import annotations

import inspect

import pytest
import torch

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError, arguments
from dlc.compiler.components.optimizers.adam import Adam
from dlc.compiler.components.optimizers.adamw import Adamw
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.optimizers.sgd import Sgd

CASES: list[Optimizer] = [
    Sgd(lr=0.1),
    Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    Adam(lr=2e-3, betas=(0.8, 0.99), amsgrad=True),
    Adamw(weight_decay=0.05, eps=1e-6, no_decay=("bias", "norm")),
]


def test_every_optimizer_is_tried_here() -> None:
    assert {case.name for case in CASES} == set(registry.names("optimizer"))


@pytest.mark.parametrize("optimizer", CASES, ids=repr)
def test_arguments_and_defaults_are_torchs(optimizer: Optimizer) -> None:
    optimizer.validate()
    path, given = optimizer.torch()
    assert path.startswith("torch.optim.")
    cls = getattr(torch.optim, path.rpartition(".")[2])
    made = cls([torch.zeros(2, requires_grad=True)], **given)
    for name, spec in arguments(type(optimizer)).items():
        if name != "no_decay":
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
