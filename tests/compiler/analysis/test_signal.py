"""Signals by theory: closed forms, and where the theory stops."""

from __future__ import annotations

import itertools
import math

import pytest
from checking import check_net, check_yaml, compiled

from dlc.compiler.analysis.activation_moments import function_of, largest_of, moments
from dlc.compiler.analysis.signal import Moments, Signal, signal
from dlc.compiler.components import registry


def _signal(body: str, **given: str) -> Signal:
    return signal(compiled(check_net(body, **given)).program)


@pytest.mark.parametrize(
    ("kind", "mean", "square", "slope"),
    [
        ("relu", 1 / math.sqrt(2 * math.pi), 0.5, 0.5),
        ("leaky_relu", 0.99 / math.sqrt(2 * math.pi), (1 + 1e-4) / 2, (1 + 1e-4) / 2),
        ("identity", 0.0, 1.0, 1.0),
        # Of tanh and the sigmoid by numerical integration in other sources.
        ("tanh", 0.0, 0.3942944, 0.4644291),
        ("sigmoid", 0.5, 0.2933790, 0.0445370),
        ("selu", 0.0, 1.0, None),
        ("gelu", 0.2820948, 0.4252238, None),
    ],
)
def test_moments_of_activations(kind: str, mean: float, square: float, slope: float | None) -> None:
    function = function_of(registry.load("op", kind)())
    assert function is not None
    found = moments(function, 0.0, 1.0)
    assert found[0] == pytest.approx(mean, abs=2e-4)
    assert found[1] == pytest.approx(square, abs=2e-4)
    if slope is not None:
        assert found[2] == pytest.approx(slope, abs=2e-3)


def test_the_largest_of_two_normal_numbers() -> None:
    mean, square = largest_of(2, 1.0, 4.0)
    assert mean == pytest.approx(1.0 + 2.0 / math.sqrt(math.pi), abs=1e-6)
    # max² + min² have the mean of both squares, and the two are alike but for the sign.
    assert square == pytest.approx(1.0 + 4.0 + 4.0 / math.sqrt(math.pi), abs=1e-6)
    assert largest_of(1, 1.0, 4.0) == pytest.approx((1.0, 5.0))


def test_he_keeps_signals_behind_relu_and_torch_shrinks_them() -> None:
    layers = "; ".join(["linear(256)", "relu"] * 10) + "; output y = linear(4)"
    kept = _signal(
        layers, inputs="x: float[N, 256]", tail="init { linear = kaiming_normal; bias = zeros }"
    )
    assert kept.of("linear_10").moments.square == pytest.approx(2.0, rel=1e-3)  # type: ignore[union-attr]
    own = _signal(layers, inputs="x: float[N, 256]", tail="init { bias = zeros }")
    # A third of the variance, and half of that behind relu.
    first, last = own.of("linear").moments, own.of("linear_10").moments
    assert first is not None
    assert last is not None
    assert first.square == pytest.approx(1 / 3, rel=1e-6)
    assert last.square == pytest.approx((1 / 3) * (1 / 6) ** 9, rel=1e-2)


def test_gradients_shrink_by_the_slope_of_the_sigmoid() -> None:
    body = "; ".join(["linear(128)", "sigmoid"] * 8) + "; output y = linear(128)"
    found = _signal(
        body, inputs="x: float[N, 128]", tail="init { linear = xavier_normal; bias = zeros }"
    )
    gradients = [layer.gradient for layer in found.weighted]
    assert all(
        a is not None and b is not None and a < b / 16 for a, b in itertools.pairwise(gradients)
    )


def test_a_residual_adds_and_a_norm_sets_to_one() -> None:
    spec = """dlc: 1
inputs: {x: "float[N, 64]"}
layers:
  - residual: [linear: 64]
  - layer_norm
  - linear: 4
    output: y
init: {linear: xavier_normal, bias: zeros}
"""
    found = signal(compiled(check_yaml(spec)).program)
    assert found.of("add").moments == Moments(0.0, pytest.approx(2.0))
    assert found.of("layer_norm").moments == Moments(0.0, 1.0)
    last, above = found.of("layer_norm").gradient, found.of("add").gradient
    assert last is not None
    assert above == pytest.approx(last / 2.0)
    # The input of a residual gets the gradient of both ways.
    assert found.of("linear").gradient == above


def test_gradients_of_parts_repeats_and_sums_of_one_value() -> None:
    parts = _signal(
        "linear(8); a, b = chunk(2, dim=-1); output y = b -> relu", inputs="x: float[N, 8]"
    )
    above = next(layer for layer in parts.layers if layer.kind == "relu").gradient
    assert above == 1.0
    # Half of the numbers get a gradient, through the half of them that are above 0.
    assert parts.of("linear").gradient == pytest.approx(0.25, rel=1e-2)
    one = _signal("a = linear(8); output y = a + a", inputs="x: float[N, 8]")
    first, last = one.of("a"), one.layers[-1]
    assert first.moments is not None
    assert last.moments is not None
    assert last.moments.square == pytest.approx(4 * first.moments.square)
    assert first.gradient == 4.0
    wide = _signal(
        "a = x -> linear(8); b = a -> unsqueeze(1); output y = z + b",
        inputs="x: float[N, 8]; z: float[N, 5, 8]",
    )
    assert wide.of("a").gradient == 5.0


def test_padding_counts_for_what_it_adds() -> None:
    found = _signal(
        "conv2d(16, 3, padding=1); output y = global_avg_pool", inputs="x: float[N, 4, 4, 4]"
    )
    # Of the 9 taps at 16 places 36 + 64 lie inside: (10/12)² of all.
    assert found.of("conv2d").fan_in == round(36 * (10 / 12) ** 2)
    wide = _signal("conv2d(16, 3); output y = global_avg_pool", inputs="x: float[N, 4, 4, 4]")
    assert wide.of("conv2d").fan_in == 36


def test_what_lies_behind_a_pool_is_a_guess_until_the_next_norm() -> None:
    found = _signal(
        "conv2d(8, 3); relu; max_pool2d(2); conv2d(8, 3); batch_norm2d; output y = flatten",
        inputs="x: float[N, 3, 16, 16]",
    )
    exact = {layer.path: layer.moments.exact for layer in found.layers if layer.moments}
    assert exact["relu"]
    assert not exact["max_pool2d"]
    assert not exact["conv2d_2"]
    assert exact["batch_norm2d"]


def test_the_theory_stops_at_recurrence_and_goes_on_behind_a_norm() -> None:
    spec = """dlc: 1
inputs: {x: "float[N, T, 8]"}
layers:
  - lstm: 16
  - linear: 8
  - layer_norm
  - linear: 4
    output: y
"""
    found = signal(compiled(check_yaml(spec)).program)
    assert found.stops == "lstm"
    assert found.of("linear").moments is None
    assert found.of("layer_norm").moments == Moments(0.0, 1.0)
    assert found.of("y").moments is not None


def test_weights_that_are_drawn_by_other_means_have_their_mean_square() -> None:
    for init, factor in (("normal(std=0.1)", 0.01), ("uniform(a=0, b=1)", 1 / 3)):
        found = _signal(
            "output y = linear(4)",
            inputs="x: float[N, 50]",
            tail=f"init {{ linear = {init}; bias = zeros }}",
        )
        moments_of = found.of("y").moments
        assert moments_of is not None
        assert moments_of.square == pytest.approx(50 * factor)
