"""Which initializer a parameter gets, and which target a bias starts from."""

from __future__ import annotations

import pytest
import torch
from checking import check_dlc, check_net, check_yaml, compiled, errors, only, underlined

from dlc.compiler import Result
from dlc.compiler.analysis.flat import flatten
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.settings import Head
from dlc.runtime.loading import load_module, model_class

EVERYWHERE = """\
dlc 1
model Net {
  input tokens: int[N, T]
  embedding(50, 8)
  lstm(8)
  lstm(8, recurrent_init=orthogonal)
  residual { layer_norm -> multihead_attention(2) }
  residual { linear(16, init=xavier_uniform, bias_init=ones) -> linear(8) }
  output y = layer_norm(bias_init=constant(0.5))
}
init {
  embedding = normal(std=0.02)
  lstm = xavier_normal
  linear = kaiming_normal
  multihead_attention = lecun_uniform
  layer_norm = constant(2.0)
  bias = constant(0.25)
}
"""


def starts(result: Result) -> dict[str, str]:
    """The initializer of every parameter by its path."""
    found = {}
    for path, parameter in compiled(result).program.parameters():
        start = parameter.initializer
        assert isinstance(start, Initializer), path
        found[path] = start.name if start.name != "constant" else f"{getattr(start, 'val'):g}"  # noqa: B009
    return found


def test_the_section_reaches_every_weight_and_every_bias() -> None:
    assert starts(check_dlc(EVERYWHERE)) == {
        "embedding.weight": "normal",
        "lstm.weight_ih_l0": "xavier_normal",
        "lstm.weight_hh_l0": "xavier_normal",
        "lstm.bias_ih_l0": "0.25",
        "lstm.bias_hh_l0": "0.25",
        "lstm_2.weight_ih_l0": "xavier_normal",
        "lstm_2.weight_hh_l0": "orthogonal",
        "lstm_2.bias_ih_l0": "0.25",
        "lstm_2.bias_hh_l0": "0.25",
        "layer_norm.weight": "2",
        "layer_norm.bias": "0.25",
        "multihead_attention.in_proj_weight": "lecun_uniform",
        "multihead_attention.in_proj_bias": "0.25",
        "multihead_attention.out_proj.weight": "lecun_uniform",
        "multihead_attention.out_proj.bias": "0.25",
        "linear.weight": "xavier_uniform",
        "linear.bias": "ones",
        "linear_2.weight": "kaiming_normal",
        "linear_2.bias": "0.25",
        "y.weight": "2",
        "y.bias": "0.5",
    }


def test_the_module_fills_what_the_section_reaches() -> None:
    module = model_class(load_module(generate(compiled(check_dlc(EVERYWHERE)))))()
    named = dict(module.named_parameters())
    for name in ("lstm.bias_hh_l0", "layer_norm.bias", "multihead_attention.out_proj.bias"):
        assert torch.equal(named[name], torch.full_like(named[name], 0.25)), name
    assert torch.equal(named["y.weight"], torch.full_like(named["y.weight"], 2.0))
    assert torch.equal(named["y.bias"], torch.full_like(named["y.bias"], 0.5))
    assert float(named["embedding.weight"].detach().std()) == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize(
    ("kind", "inputs", "body"),
    [
        ("conv1d", "x: float[N, 4, 9]", "conv1d(4, 3)"),
        ("conv_transpose2d", "x: float[N, 4, 9, 9]", "conv_transpose2d(4, 3)"),
        ("batch_norm2d", "x: float[N, 4, 9, 9]", "batch_norm2d"),
        ("group_norm", "x: float[N, 4, 9, 9]", "group_norm(2)"),
        ("rms_norm", "x: float[N, 4]", "rms_norm"),
        ("gru", "x: float[N, T, 4]", "gru(4)"),
        ("parameter", "x: float[N, 4]", "p = parameter(1, 4); x + p"),
    ],
)
def test_every_layer_with_weights_takes_an_entry(kind: str, inputs: str, body: str) -> None:
    tail = f"init {{; {kind} = normal(std=0.125); }}"
    result = check_net(f"{body}; output y = relu", inputs=inputs, tail=tail)
    found = compiled(result).program.parameters()
    assert [p for _, p in found if getattr(p.initializer, "std", None) == 0.125]
    assert not result.diagnostics


def test_what_does_not_fit_is_blamed_on_the_argument() -> None:
    for argument in ("init=dirac", "bias_init=xavier_uniform"):
        finding = only(check_net(f"output y = linear(3, {argument})"))
        assert finding.code.number == "E0401"
        assert underlined(finding) == argument.partition("=")[2]
    finding = only(check_net("output y = layer_norm(bias_init=eye)"))
    assert (finding.code.number, underlined(finding)) == ("E0401", "eye")


def test_helpers_stand_once_at_the_top_and_leave_names_to_the_author() -> None:
    text = """\
dlc 1
block Lecun(width: int) {
  input x: float[N, C]
  linear(width, init=lecun_normal)
  linear(width, init=lecun_normal)
}
model Net {
  input x: float[N, 4]
  lecun_normal_ = x -> Lecun(16)
  output y = linear(2, init=variance_scaling(0.1))
}
"""
    source = generate(compiled(check_dlc(text)))
    assert source.count("def lecun_normal_(") == source.count("def variance_scaling_(") == 1
    assert "import math\n" in source
    module = model_class(load_module(source))()
    assert module(torch.zeros(3, 4))["y"].shape == (3, 2)


def test_remarks_tell_what_training_does() -> None:
    text = """\
dlc: 1
inputs: {x: "float[N, 4]"}
targets: {label: "int[N]"}
layers:
  - linear: {out_features: 8, init: lsuv}
  - relu
  - linear: {out_features: 3, bias_init: class_prior}
    output: logits
loss: cross_entropy(logits, label)
"""
    source = generate(compiled(check_yaml(text)))
    lines = [line.strip() for line in source.splitlines()]
    assert "nn.init.orthogonal_(self.linear.weight)  # `dlc train` scales it to variance 1" in lines
    assert (
        "nn.init.zeros_(self.logits.bias)  # `dlc train` starts it at the shares of the classes"
        in lines
    )


# ── heads ────────────────────────────────────────────────────────────────────


def heads(body: str, tail: str, inputs: str = "x: float[N, 8]") -> dict[str, Head]:
    return {h.bias: h for h in compiled(check_net(body, inputs=inputs, tail=tail)).heads}


def test_the_units_of_a_head_are_followed_to_the_output() -> None:
    image = "x: float[N, 4, 8, 8]"
    prior, mean = "bias_init=class_prior", "bias_init=target_mean"
    for body, tail, axis in (
        (f"output y = conv2d(5, 1, {prior})", "cross_entropy(y, t); target t: int[N, 8, 8]", 1),
        (
            f"conv2d(5, 1, {prior}); output y = global_avg_pool",
            "cross_entropy(y, t); target t: int[N]",
            1,
        ),
        (
            f"conv2d(5, 8, {prior}); output y = flatten",
            "cross_entropy(y, t); target t: int[N]",
            1,
        ),
        (
            f"conv2d(1, 8, {mean}); output y = reshape(N)",
            "mse_loss(y, t); target t: float[N]",
            None,
        ),
        (
            f"flatten; linear(4, {mean}); output y = reshape(N, 4, 1)",
            "mse_loss(y, t); target t: float[N, 4, 1]",
            1,
        ),
        (
            f"flatten -> linear(4, {mean}); output y = identity",
            "mse_loss(y, t); target t: float[N, 4]",
            1,
        ),
    ):
        found = heads(body, f"loss = {tail}", image)
        assert [h.axis for h in found.values()] == [axis], body


def test_a_change_of_shape_that_mixes_units_is_no_way_to_an_output() -> None:
    result = check_net(
        "linear(4, bias_init=target_mean); output y = reshape(N, 2, 2)",
        tail="target t: float[N, 2, 2]; loss = mse_loss(y, t)",
    )
    assert errors(result) == ["E0312"]


def test_a_loss_that_takes_away_is_no_loss_to_start_from() -> None:
    result = check_net(
        "output y = linear(1, bias_init=target_mean)",
        tail="target t: float[N, 1]; loss = l1_loss(y, t) * 0 - mse_loss(y, t)",
    )
    assert errors(result) == ["E0312"]


def test_a_head_in_a_block_bears_the_path_of_its_call() -> None:
    text = """\
dlc 1
block Head(units: int) {
  input x: float[N, C]
  h = linear(8) -> relu
  linear(units, bias_init=class_prior)
}
model Net {
  input x: float[N, 4]
  output a = x -> Head(2)
  output b = x -> Head(3)
}
target s: int[N]
target t: int[N]
loss = cross_entropy(a, s) + nll_loss(b, t)
"""
    found = compiled(check_dlc(text)).heads
    keys = dict(compiled(check_dlc(text)).program.parameters())
    assert [(h.loss.names[1], h.units) for h in found] == [("s", 2), ("t", 3)]
    assert all(h.bias in keys for h in found)
    assert len({h.bias for h in found}) == 2


def test_one_of_two_calls_of_a_block_may_be_wrong() -> None:
    text = """\
dlc 1
block Head(units: int) {
  input x: float[N, C]
  linear(units, bias_init=class_prior)
}
model Net {
  input x: float[N, 4]
  hidden = x -> Head(3) -> relu
  output b = Head(3)
}
target t: int[N]
loss = cross_entropy(b, t)
"""
    assert errors(check_dlc(text)) == ["E0312"]


def test_a_layer_applied_again_has_the_bias_of_the_first() -> None:
    found = heads(
        "output a = x -> linear(1, bias_init=target_mean); output b = z -> reuse(a)",
        "target t: float[N, 1]; loss = mse_loss(a, t) + l1_loss(b, t)",
        "x: float[N, 8]; z: float[N, 8]",
    )
    assert list(found) == ["a.bias"]


# ── the network without blocks ───────────────────────────────────────────────


def test_a_flat_network_knows_the_owner_of_what_is_applied_again() -> None:
    text = """\
dlc 1
block Tower(width: int) {
  input x: float[N, C]
  h = linear(width)
  relu
  reuse(h)
}
model Net {
  input left: float[N, 4]
  input right: float[N, 4]
  a = left -> Tower(4)
  b = right -> reuse(a)
  output y = a * b
}
"""
    flat = flatten(compiled(check_dlc(text)).program)
    linear = [layer for layer in flat.layers if layer.node.kind == "linear"]
    assert [layer.own for layer in linear] == [True, False, False, False]
    assert {tuple(key for key, _ in layer.parameters) for layer in linear} == {
        ("a.h.weight", "a.h.bias")
    }
    assert len({layer.path for layer in flat.layers}) == len(flat.layers)
    produced = {value for layer in flat.layers for value in layer.outputs}
    assert all(v in produced | {"left", "right"} for layer in flat.layers for v in layer.values)
    assert flat.outputs["y"] in produced
