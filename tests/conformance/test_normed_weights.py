"""Weight norm and spectral norm: what the module holds, how it starts, and what is exported."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import onnx
import pytest
import torch
from harness import Case, build, outputs, run_onnxruntime
from torch import nn
from torch.nn.utils import parametrizations

from dlc.compiler import Compilation, Source, check
from dlc.compiler.analysis.cost import cost
from dlc.compiler.codegen.torch_module import generate, generate_network
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.bilinear import Bilinear
from dlc.compiler.ops.conv1d import Conv1d
from dlc.compiler.ops.conv2d import Conv2d
from dlc.compiler.ops.conv_transpose1d import ConvTranspose1d
from dlc.compiler.ops.conv_transpose2d import ConvTranspose2d
from dlc.compiler.ops.gru import Gru
from dlc.compiler.ops.linear import Linear
from dlc.compiler.ops.lstm import Lstm
from dlc.compiler.ops.rnn import Rnn
from dlc.runtime.export.onnx_builder import export_program
from dlc.runtime.export.reference import TorchReference, program_state
from dlc.runtime.proof import disagreements

NORMS = ("weight_norm", "spectral_norm")
every_norm = pytest.mark.parametrize("norm", NORMS)


def compiled(body: str, tail: str = "") -> Compilation:
    text = f"dlc 1\n\nmodel Net {{\n{body}\n}}\n{tail}\n"
    result = check(Source("net.dlc", text, "dlc"))
    assert result.compilation is not None, result.diagnostics
    return result.compilation


def made(compilation: Compilation, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(generate(compilation), "Net")


def norm_each(norm: str, layer: nn.Module) -> nn.Module:
    """PyTorch's own norm on every weight of a layer."""
    for name in [name for name, _ in layer.named_parameters() if name.startswith("weight")]:
        getattr(parametrizations, norm)(layer, name)
    return layer


# ── against PyTorch ──────────────────────────────────────────────────────────

X = float_tensor(3, 4, 9)
STACKED = {"hidden_size": 5, "num_layers": 2, "bidirectional": True}
TWINS: dict[
    str, tuple[type[Op], dict[str, Any], dict[str, TensorType], Callable[[], nn.Module]]
] = {
    "linear": (
        Linear,
        {"out_features": 5},
        {"x": float_tensor(3, 4)},
        lambda: nn.Linear(4, 5),
    ),
    "bilinear": (
        Bilinear,
        {"out_features": 5},
        {"x": float_tensor(3, 4), "other": float_tensor(3, 2)},
        lambda: nn.Bilinear(4, 2, 5),
    ),
    "conv1d": (
        Conv1d,
        {"out_channels": 6, "kernel_size": 3, "groups": 2},
        {"x": X},
        lambda: nn.Conv1d(4, 6, 3, groups=2),
    ),
    "conv_transpose1d": (
        ConvTranspose1d,
        {"out_channels": 6, "kernel_size": 3},
        {"x": X},
        lambda: nn.ConvTranspose1d(4, 6, 3),
    ),
    "conv_transpose2d": (
        ConvTranspose2d,
        {"out_channels": 6, "kernel_size": 2, "groups": 2, "bias": False},
        {"x": float_tensor(3, 4, 3, 3)},
        lambda: nn.ConvTranspose2d(4, 6, 2, groups=2, bias=False),
    ),
    "rnn": (Rnn, STACKED, {"x": X}, lambda: nn.RNN(9, 5, 2, batch_first=True, bidirectional=True)),
    "lstm": (
        Lstm,
        STACKED,
        {"x": X},
        lambda: nn.LSTM(9, 5, 2, batch_first=True, bidirectional=True),
    ),
    "gru": (Gru, STACKED, {"x": X}, lambda: nn.GRU(9, 5, 2, batch_first=True, bidirectional=True)),
}


@every_norm
@pytest.mark.parametrize("name", TWINS)
def test_the_module_is_pytorchs_own(norm: str, name: str) -> None:
    op, arguments, inputs, make = TWINS[name]
    case = Case(name, Example(op(**arguments, **{norm: True}), dict(inputs)))
    module, theirs = case.module(), norm_each(norm, make())
    assert [f"layer.{key}" for key in theirs.state_dict()] == list(module.state_dict())
    assert list(module.state_dict()) == [path for path, _ in case.program.parameters()]
    theirs.load_state_dict({k.removeprefix("layer."): v for k, v in module.state_dict().items()})
    drawn = case.draw({})
    for training in (True, False):
        module.train(training)
        theirs.train(training)
        expected = theirs(*drawn.values())
        whole = expected[0] if isinstance(expected, tuple) else expected
        torch.testing.assert_close(outputs(module, drawn)[0], whole)


def test_a_singular_value_is_that_of_the_matrix_of_units() -> None:
    """Where PyTorch's vectors have come near: the largest of the result is 1."""
    for op, dim in ((Conv1d, 0), (ConvTranspose1d, 1)):
        make: Any = op
        layer = make(out_channels=6, kernel_size=3, spectral_norm=True)
        case = Case(op.name, Example(layer, {"x": X}))
        weight = torch.tensor(program_state(case.module(), case.program)["layer.weight"])
        matrix = weight.movedim(dim, 0).flatten(1)
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1.0, rel=1e-3)


@every_norm
@pytest.mark.parametrize("op", [Lstm, Gru, Rnn])
def test_a_sequence_gives_the_same_alone_and_in_a_padded_batch(norm: str, op: Any) -> None:
    lengths = torch.tensor([2, 6, 1, 4])
    x = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    layer = op(hidden_size=4, num_layers=2, bidirectional=True, **{norm: True})
    inputs = {"x": float_tensor(4, 6, 3), "lengths": int_tensor(4)}
    batch = Case("batch", Example(layer, dict(inputs))).module().eval()
    alone = Case("alone", Example(layer, {"x": float_tensor(1, 6, 3)})).module(seed=1).eval()
    alone(x[:1])
    alone.load_state_dict(batch.state_dict())
    y, *_ = batch(x, lengths).values()
    for i, length in enumerate(lengths.tolist()):
        wanted, *_ = alone(x[i : i + 1, :length]).values()
        torch.testing.assert_close(y[i, :length], wanted[0])
        assert not y[i, length:].any()


# ── the start ────────────────────────────────────────────────────────────────

STARTS = """
  input x: float[N, 3, 8, 8]
  x -> conv2d(8, 3, {norm}init=kaiming_normal(nonlinearity=relu)) -> relu
  conv_transpose2d(6, 3, {norm}init=xavier_uniform)
  t = flatten(start_dim=2)
  lstm(8, {norm}init=xavier_normal, recurrent_init=orthogonal, return_sequences=false)
  linear(16, {norm}init=orthogonal, bias_init=constant(0.5))
  output y = linear(4, {norm}bias=false)
"""
FILLED = ("conv2d", "conv_transpose2d", "lstm", "linear", "y")


def effective(module: nn.Module) -> dict[str, torch.Tensor]:
    """The weights as the layers use them, by `<layer>.<name>`."""
    found: dict[str, torch.Tensor] = {}
    for name, layer in module.eval().named_children():
        computed = list(getattr(layer, "parametrizations", ()))
        plain = [n for n, _ in layer.named_parameters(recurse=False) if n.startswith("weight")]
        for weight in computed or plain:
            found[f"{name}.{weight}"] = getattr(layer, weight).detach()
    return found


def test_an_initializer_fills_the_weight_and_its_lengths_follow() -> None:
    plain = effective(made(compiled(STARTS.format(norm=""))))
    module = made(compiled(STARTS.format(norm="weight_norm=true, ")))
    found = effective(module)
    assert found.keys() == plain.keys()
    assert {key.partition(".")[0] for key in found} == set(FILLED)
    state = module.state_dict()
    for key, weight in found.items():
        torch.testing.assert_close(weight, plain[key], msg=key)
        layer, _, name = key.partition(".")
        lengths = state[f"{layer}.parametrizations.{name}.original0"]
        direction = state[f"{layer}.parametrizations.{name}.original1"]
        wanted = direction.flatten(1).norm(dim=1).view_as(lengths)
        torch.testing.assert_close(lengths, wanted, msg=key)
    assert (state["linear.bias"] == 0.5).all()


def test_spectral_norm_divides_what_an_initializer_fills() -> None:
    module = made(compiled(STARTS.format(norm="spectral_norm=true, ")))
    found, state = effective(module), module.state_dict()
    for key, weight in found.items():
        layer, _, name = key.partition(".")
        original = state[f"{layer}.parametrizations.{name}.original"]
        ratio = original / weight
        torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), rtol=1e-3, atol=0.0)
    # All singular values of an orthogonal matrix are 1.
    torch.testing.assert_close(
        found["linear.weight"], state["linear.parametrizations.weight.original"]
    )
    torch.testing.assert_close(
        found["lstm.weight_hh_l0"], state["lstm.parametrizations.weight_hh_l0.original"]
    )


@pytest.mark.parametrize(
    ("op", "x"),
    [
        (Linear(out_features=256, weight_norm=True), float_tensor(64, 256)),
        (
            Conv2d(out_channels=32, kernel_size=3, bias=False, weight_norm=True),
            float_tensor(4, 32, 20, 20),
        ),
        (
            ConvTranspose2d(out_channels=32, kernel_size=3, bias=False, weight_norm=True),
            float_tensor(4, 32, 20, 20),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Op) else "",
)
def test_weight_norm_leaves_the_first_signal_as_it_is(op: Op, x: TensorType) -> None:
    case = Case(op.name, Example(op, {"x": x}))
    gain = op.gain(case.ports)
    torch.manual_seed(0)
    module = build(case.source, "Network")
    with torch.no_grad():
        if hasattr(module.layer, "bias") and module.layer.bias is not None:
            module.layer.bias.zero_()
    (y,) = outputs(module, case.draw({}, seed=3))
    inner = y[..., 2:-2, 2:-2] if y.ndim == 4 else y
    assert inner.square().mean().item() == pytest.approx(gain, rel=0.06)


def test_the_first_signal_of_spectral_norm_is_not_known() -> None:
    ports = Case("linear", Example(Linear(out_features=4), {"x": float_tensor(2, 4)})).ports
    assert Linear(out_features=4, spectral_norm=True).gain(ports) is None


# ── what it counts, and what it decays ───────────────────────────────────────


@every_norm
def test_parameters_are_counted_as_pytorch_counts_them(norm: str) -> None:
    found = compiled(STARTS.format(norm=f"{norm}=true, "))
    module = made(found)
    count = sum(p.numel() for p in module.parameters())
    assert found.program.parameter_count == cost(found.program).parameters == count
    assert cost(found.program).buffers == sum(b.numel() for b in module.buffers())
    plain = compiled(STARTS.format(norm=""))
    assert cost(found.program).macs == cost(plain.program).macs
    assert not disagreements(generate(found), found.program)


def test_lengths_and_directions_decay_and_biases_do_not() -> None:
    tail = "target t: float[N, 4]\nloss = mse_loss(y, t)\n"
    tail += "optimizer = adamw(lr=1e-3, weight_decay=0.1, no_decay=[bias, norm])"
    found = compiled("  input x: float[N, 8]\n  output y = linear(4, weight_norm=true)", tail)
    generated: dict[str, Any] = {}
    exec(compile(generate(found), "<net>", "exec"), generated)
    model = generated["Net"]()
    names = {p: name for name, p in model.named_parameters()}
    decays = {
        names[p]: group["weight_decay"]
        for group in generated["optimizer"](model).param_groups
        for p in group["params"]
    }
    assert decays == {
        "y.bias": 0.0,
        "y.parametrizations.weight.original0": 0.1,
        "y.parametrizations.weight.original1": 0.1,
    }


def test_to_decay_the_lengths_is_to_decay_the_weights() -> None:
    layer = parametrizations.weight_norm(nn.Linear(4, 3))
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(0.9)
        layer.parametrizations.weight.original1.mul_(0.5)
    torch.testing.assert_close(layer.weight.detach(), 0.9 * before)


# ── applied again ────────────────────────────────────────────────────────────

REUSED = """dlc 1

block Encoder(dim: int) {
  input x: float[N, T, F]
  linear(dim, NORM=true) -> tanh -> gru(4, NORM=true, return_sequences=false)
}

model Net {
  input left: float[N, T, 5]
  input right: float[N, S, 5]
  a = left -> Encoder(6)
  b = right -> reuse(a)
  c = a -> linear(7, NORM=true)
  d = b -> reuse(c)
  output y = c * d
}
"""


@every_norm
def test_a_layer_that_is_applied_again_is_stored_once(norm: str) -> None:
    result = check(Source("net.dlc", REUSED.replace("NORM", norm), "dlc"))
    assert result.compilation is not None, result.diagnostics
    program = result.compilation.program
    torch.manual_seed(0)
    module = build(generate_network(program), "Net")
    left, right = torch.randn(3, 7, 5), torch.randn(3, 4, 5)
    module(left, right)["y"].sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    module.eval()
    proto = export_program(program, program_state(module, program))
    onnx.checker.check_model(proto, full_check=True)
    names = [tensor.name for tensor in proto.graph.initializer]
    assert "c.weight" in names
    assert not any("parametrizations" in name for name in names)
    assert sum(name.startswith(("c.weight", "d.weight")) for name in names) == 1
    (y,) = run_onnxruntime(proto, {"left": left, "right": right})
    with torch.no_grad():
        expected = module(left, right)["y"]
    torch.testing.assert_close(torch.from_numpy(y), expected, atol=1e-5, rtol=1e-4)


# ── reading the weights ──────────────────────────────────────────────────────


@every_norm
def test_reading_the_weights_for_a_file_leaves_the_module_as_it_is(norm: str) -> None:
    found = compiled(STARTS.format(norm=f"{norm}=true, "))
    module = made(found).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = program_state(module, found.program)
    assert all(layer.training for layer in module.modules())
    # What it is compared with is moved, which reads the weights of recurrent layers.
    TorchReference(module, found.program, found.settings, None)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0.0, atol=0.0)
    assert not any("parametrizations" in name for name in state)
    assert all(math.prod(value.shape) for value in state.values())
