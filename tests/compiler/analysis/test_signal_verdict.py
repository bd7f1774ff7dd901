"""Verdicts on signals, where the theory stops, and how large inputs are."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from checking import check_dlc, check_net, compiled, net

from dlc.compiler.analysis.data_profile import DataProfile, read_profile
from dlc.compiler.analysis.input_moments import InputMoments, input_moments
from dlc.compiler.analysis.signal import Moments, signal
from dlc.compiler.analysis.signal_verdict import verdicts

STACK = "; ".join(["linear(64)", "relu"] * 20) + "; output y = linear(64)"


def words(body: str, sizes: dict[str, Moments] | None = None, tail: str = "") -> dict[str, str]:
    program = compiled(check_net(body, inputs="x: float[N, 64]", tail=tail)).program
    found = signal(program, sizes)
    return {path: verdict.word for path, verdict in verdicts(found, sizes).items()}


def test_a_start_that_fits_is_sound_in_every_layer() -> None:
    told = words(STACK, tail="init { linear = kaiming_normal; bias = zeros }")
    assert set(told.values()) == {"sound"}


def test_a_signal_that_fades_vanishes_from_a_layer_on() -> None:
    tail = "init { linear = normal(std=0.05); bias = zeros }"
    told = words(STACK, tail=tail)
    order = [told[path] for path in told if path.startswith("linear")]
    assert order[-1] == "vanishes"
    # √(64 · 0.0025 / 2) = 0.28 a layer: behind seven it is below 1e-4.
    forward = [told[f"relu_{k}"] if k > 1 else told["relu"] for k in range(1, 21)]
    assert forward == ["sound"] * 7 + ["vanishes"] * 13


def test_a_signal_that_grows_explodes() -> None:
    told = words(STACK, tail="init { linear = normal(std=0.5); bias = zeros }")
    assert told["linear_20"] == "explodes"
    assert told["linear"] == "explodes", "its gradient is 10,000 times the output's"


def test_sizes_are_judged_by_what_comes_in() -> None:
    large = {"x": Moments(0.0, 1e12)}
    told = words("a = linear(64); output y = linear(64)", large)
    assert set(told.values()) == {"sound"}


def test_a_start_at_zero_is_no_vanishing_signal() -> None:
    told = words("a = linear(64); output y = linear(4, init=zeros, bias_init=zeros)")
    assert told["y"] == "zero"


def test_it_is_said_where_the_theory_stops_and_why() -> None:
    body = """
    a = embedding(10, 8) ; b = a -> learned_positions(16) ; layer_norm
    h = multihead_attention(2) ; layer_norm ; c = softmax ; m = mean(1) ; output y = linear(2)
    """
    program = compiled(check_net(body, inputs="x: int[N, T]", head="dim T = 1..16")).program
    found = signal(program)
    gaps = dict(found.gaps)
    assert list(gaps) == ["h", "c"]
    assert gaps["h"] == "weights that are signals themselves"
    assert gaps["c"] == "shares of one sum"
    assert found.stops == "h"
    # The table of positions starts with deviation 0.02, that of words with 1.
    moments = found.of("b").moments
    assert moments is not None
    assert moments.square == pytest.approx(1.0 + 0.02**2)


def test_layers_that_add_turn_or_choose_are_followed() -> None:
    body = "a = gaussian_noise(0.5); b = linear(12); c = maxout(3); output y = linear(4)"
    found = signal(compiled(check_net(body)).program)
    first, chosen = found.of("a").moments, found.of("c").moments
    assert first is not None
    assert chosen is not None
    assert first.square == pytest.approx(1.25)
    assert chosen.mean > 0
    assert found.of("c").gradient is not None
    above = found.of("c").gradient
    assert above is not None
    # Of three that compete, one gets it all.
    assert found.of("b").gradient == pytest.approx(above / 3)


# ── inputs ───────────────────────────────────────────────────────────────────

PROFILE = {
    "format": 1,
    "parts": {"train": 80, "validation": 20, "test": 0},
    "columns": [
        {"column": "a", "of": "x", "role": "input", "kind": "number",
         "mean": 10.0, "std": 2.0, "low": 0.0, "high": 20.0},
        {"column": "b", "of": "x", "role": "input", "kind": "number",
         "mean": -10.0, "std": 4.0, "low": -20.0, "high": 0.0},
        {"column": "c", "of": "t", "role": "target", "kind": "text"},
    ],
    "classes": {"t": {"yes": 70, "no": 30}},
}  # fmt: skip


def known(steps: str, profile: DataProfile | None) -> InputMoments:
    tail = """
    target t: int[N]
    data { source = "rows.csv"; columns { x = ["a", "b"], t = t } }
    loss = cross_entropy(y, t)
    """
    tail += f"preprocess {{ x = {steps} }}" if steps else ""
    spec = check_dlc(net("output y = linear(2)", inputs="x: float[N, 2]", tail=tail))
    compilation = compiled(spec)
    [found] = input_moments(compilation.program, compilation.settings, profile)
    return found


@pytest.mark.parametrize(
    ("steps", "profiled", "known_by", "mean", "variance"),
    [
        ("", False, "assumed", 0.0, 1.0),
        # Of both columns as one: squares 104 and 116.
        ("", True, "profile", 0.0, 110.0),
        ("standardize", False, "standardized", 0.0, 1.0),
        ("standardize", True, "standardized", 0.0, 1.0),
        ("min_max", False, "range", 0.5, 1 / 12),
        ("min_max", True, "profile", 0.5, (0.01 + 0.04) / 2),
        ("max_abs", True, "profile", 0.0, 110.0 / 400),
        ("scale(0.1)", True, "profile", 0.0, 1.1),
        ("log", True, "assumed", 0.0, 1.0),
    ],
)
def test_inputs_are_as_large_as_steps_and_data_say(
    steps: str, profiled: bool, known_by: str, mean: float, variance: float
) -> None:
    found = known(steps, read_profile(PROFILE) if profiled else None)
    assert found.known_by == known_by
    assert found.moments.mean == pytest.approx(mean)
    assert found.moments.variance == pytest.approx(variance)


def test_a_profile_is_read_as_it_was_written() -> None:
    found = read_profile(json.loads(json.dumps(PROFILE)))
    assert found.parts["train"] == 80
    assert found.owners == ("x", "t")
    assert [column.spread is None for column in found.columns] == [False, False, True]
    assert found.classes == {"t": {"yes": 70, "no": 30}}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"parts": {"train": "many"}},
        {"parts": {"train": True}},
        {"columns": {}},
        {"columns": [{"column": "a"}]},
        {"columns": [3]},
        {"classes": []},
        {"columns": [{**PROFILE["columns"][0], "mean": math.nan}]},  # type: ignore[index]
    ],
)
def test_what_is_no_profile_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_profile({**PROFILE, **change})
