"""Theory and measurement agree within a tenth on plain stacks, residual ones among them."""

from __future__ import annotations

import pytest
import torch
from checking import check_yaml, compiled

from dlc.compiler.analysis.signal import signal
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.insight.measured_signal import measured_signal
from dlc.runtime.loading import load_module

_STACK = """dlc: 1
inputs: {{x: "float[N, 256]"}}
layers:
  - repeat: {depth}
    layers: [{{linear: 256}}, {activation}]
  - linear: 256
    output: y
init: {{linear: {init}, bias: zeros}}
"""
_RESIDUAL = """dlc: 1
inputs: {x: "float[N, 256]"}
blocks:
  Unit:
    inputs: {x: "float[N, 256]"}
    layers:
      - residual: [{linear: 256}, relu, {linear: 256}]
layers:
  - repeat: 6
    layers: [Unit]
  - linear: 256
    output: y
init: {linear: kaiming_normal, bias: zeros}
"""
_CONVOLUTIONS = """dlc: 1
inputs: {x: "float[N, 32, 12, 12]"}
layers:
  - repeat: 5
    layers: [{conv2d: {out_channels: 64, kernel_size: 3, padding: 1}}, relu]
  - conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
    output: y
init: {conv2d: kaiming_normal, bias: zeros}
"""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _compared(spec: str, networks: int) -> list[tuple[str, float, float]]:
    program = compiled(check_yaml(spec)).program
    found = measured_signal(
        program, load_module(generate(compiled(check_yaml(spec)))), networks=networks
    )
    pairs = []
    for layer in signal(program).layers:
        if layer.path not in found or layer.moments is None:
            continue
        square, gradient = found[layer.path]
        pairs.append((f"{layer.path}: signal", layer.moments.square, square))
        if layer.gradient is not None and gradient is not None:
            pairs.append((f"{layer.path}: gradient", layer.gradient, gradient))
    return pairs


@pytest.mark.parametrize(
    "spec",
    [
        _STACK.format(depth=20, activation="relu", init="kaiming_normal"),
        _STACK.format(depth=20, activation="tanh", init="xavier_normal"),
        _STACK.format(depth=10, activation="gelu", init="kaiming_uniform(nonlinearity=gelu)"),
        _STACK.format(depth=10, activation="selu", init="lecun_normal"),
        _STACK.format(depth=6, activation="sigmoid", init="normal(std=0.1)"),
        _STACK.format(depth=10, activation="relu", init='"uniform(a=-0.1, b=0.1)"'),
        _RESIDUAL,
        _CONVOLUTIONS,
    ],
    ids=["relu", "tanh", "gelu", "selu", "sigmoid", "uniform", "residual", "convolutions"],
)
def test_theory_and_measurement_agree(spec: str) -> None:
    pairs = _compared(spec, networks=6)
    assert sum("gradient" in name for name, _, _ in pairs) > 5
    for name, theory, measured in pairs:
        # Root mean squares: what is shown.
        assert (theory / measured) ** 0.5 == pytest.approx(1.0, abs=0.1), name
