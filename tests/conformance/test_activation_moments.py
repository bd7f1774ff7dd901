"""Moments of activations by quadrature against PyTorch's own functions of many normal numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from checking import check_net, compiled

from dlc.compiler.analysis.activation_moments import activated, function_of, gated
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.components import registry
from dlc.compiler.ops._activation import Activation
from dlc.runtime.loading import load_module, model_class

# An activation as a spec writes it.
CALLS = [
    *("relu", "relu6", "leaky_relu(0.2)", "elu(0.7)", "celu(0.7)", "selu", "silu", "mish"),
    *("gelu", "gelu(approximate=tanh)", "tanh", "sigmoid", "softsign", "softplus(2)"),
    *("hardtanh(-0.5, 0.8)", "hardsigmoid", "hardswish", "log_sigmoid", "tanhshrink"),
    *("softshrink(0.3)", "hardshrink(0.3)", "threshold(0.1, -0.4)", "rrelu", "prelu(init=0.3)"),
    *("clamp(-0.5, 1)", "clamp(min=-0.2)", "abs", "square", "sin", "cos", "erf", "exp"),
]


def sampled(call: str, width: int, mean: float, std: float) -> tuple[float, float, float]:
    """Mean, mean square and mean square of the slope, over a million numbers."""
    network = compiled(check_net(f"output y = {call}", inputs=f"x: float[N, {width}]"))
    model = model_class(load_module(generate_network(network.program)))().train()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2**20 // width, width, generator=generator, dtype=torch.float64)
    x = (x * std + mean).requires_grad_()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        y = model.double()(x)["y"]
    y.sum().backward()
    assert x.grad is not None
    figures = (y.mean(), y.square().mean(), x.grad.square().mean())
    return tuple(float(figure.detach()) for figure in figures)  # type: ignore[return-value]


def op_of(call: str, width: int) -> Any:
    network = compiled(check_net(f"output y = {call}", inputs=f"x: float[N, {width}]"))
    return network.program.graph.nodes[-1].op


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.4, 0.6)])
@pytest.mark.parametrize("call", CALLS)
def test_moments_are_those_of_pytorch_s_own_numbers(call: str, mean: float, std: float) -> None:
    found = activated(op_of(call, 4), mean, std * std)
    assert found is not None
    assert found == pytest.approx(sampled(call, 4, mean, std), rel=0.02, abs=3e-3)


@pytest.mark.parametrize("call", ["glu", "swiglu"])
def test_of_gated_units_the_halves_are_independent(call: str) -> None:
    found = gated(op_of(call, 2), 0.3, 0.64)
    assert found is not None
    assert found == pytest.approx(sampled(call, 2, 0.3, 0.8), rel=0.02, abs=3e-3)


def test_every_activation_has_moments() -> None:
    names = [name for name in registry.all_names("op") if _is_activation(name)]
    assert len(names) > 20
    covered = {call.partition("(")[0] for call in CALLS}
    assert set(names) <= covered


def _is_activation(name: str) -> bool:
    return issubclass(registry.load("op", name), Activation)


def test_what_is_no_function_of_one_number_has_none() -> None:
    assert function_of(registry.load("op", "softmax")()) is None
    assert activated(registry.load("op", "softmax")(), 0.0, 1.0) is None


def test_numbers_beyond_a_float_are_not_known() -> None:
    assert activated(registry.load("op", "exp")(), 0.0, 1e6) is None
    found = activated(registry.load("op", "exp")(), 0.0, 1.0)
    assert found is not None
    assert found[0] == pytest.approx(math.exp(0.5), rel=1e-6)
