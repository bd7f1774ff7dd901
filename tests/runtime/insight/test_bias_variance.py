"""Bias, variance, or chance: what is named, and what is advised first."""

from __future__ import annotations

import numpy as np
import pytest
from checking import check_yaml, compiled

from dlc.compiler import Compilation
from dlc.runtime.insight.bias_variance import Verdict, judge, lines
from dlc.runtime.insight.errors import OfClasses, OfNumbers

_SPEC = """dlc: 1
inputs: {x: "float[N, 1, 8, 8]"}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - flatten
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data: {source: rows.npz, columns: {x: x, label: label}}
loss: cross_entropy(logits, label)
optimizer: sgd(lr=0.1)
"""
_REGULARIZED = _SPEC.replace("  - flatten\n", "  - flatten\n  - dropout: 0.4\n").replace(
    "sgd(lr=0.1)", "sgd(lr=0.1, weight_decay=0.01)"
)


def _classes(error: float, rows: int) -> OfClasses:
    wrong = round(error * rows)
    counts = np.array([[rows - wrong, wrong], [0, 0]])
    return OfClasses(
        output="logits",
        target="label",
        labels=("a", "b"),
        counts=counts,
        accuracy=1 - wrong / rows,
        bins=(),
        calibration_error=0.0,
        worst=(),
        slices={},
    )


def _numbers(rmse: float, rows: int = 500) -> OfNumbers:
    return OfNumbers(
        output="y",
        target="t",
        rmse=rmse,
        mae=rmse,
        bias=0.0,
        points=((0.0, 0.0),) * rows,
        worst=(),
        slices={},
    )


def _verdict(training: float, validation: float, *, rows: int = 2000, **more: object) -> Verdict:
    spec = compiled(check_yaml(_SPEC))
    return judge(_classes(training, 5000), _classes(validation, rows), spec, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("training", "validation", "cause"),
    [
        (0.20, 0.21, "bias"),
        (0.01, 0.16, "variance"),
        (0.15, 0.30, "both"),
        (0.00, 0.001, "none"),
    ],
)
def test_the_cause_is_what_the_errors_say(training: float, validation: float, cause: str) -> None:
    verdict = _verdict(training, validation)
    assert verdict.cause == cause
    assert verdict.bias == pytest.approx(training)
    assert verdict.variance == pytest.approx(validation - training)
    assert bool(verdict.remedies) == (cause != "none")


def test_an_error_that_nobody_avoids_is_no_bias() -> None:
    assert _verdict(0.14, 0.15, best=0.14).cause == "none"
    assert _verdict(0.14, 0.24, best=0.14).cause == "variance"
    assert _verdict(0.14, 0.16, best=0.0).cause == "bias"


def test_a_difference_that_chance_makes_is_no_variance() -> None:
    assert _verdict(0.0, 0.1, rows=20).cause == "none"
    assert _verdict(0.0, 0.1, rows=2000).cause == "variance"


def test_remedies_come_in_the_order_of_the_craft_and_once() -> None:
    found = [remedy.what for remedy in _verdict(0.15, 0.30).remedies]
    assert found[0] == "a bigger network"
    assert found[-1] == "another architecture"
    assert found.index("more data") < found.index("more regularization")
    assert len(set(found)) == len(found)


def test_a_run_that_still_learns_is_to_go_on() -> None:
    falling = tuple(2.0 * 0.9**k for k in range(20))
    standing = (2.0, 1.0, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8)
    assert _verdict(0.2, 0.21, course=falling).remedies[0].what == "train longer"
    assert all(r.what != "train longer" for r in _verdict(0.2, 0.21, course=standing).remedies)


def _named(spec: str, training: float, validation: float) -> dict[str, str]:
    compilation: Compilation = compiled(check_yaml(spec))
    verdict = judge(_classes(training, 5000), _classes(validation, 2000), compilation)
    return {remedy.what: remedy.why for remedy in verdict.remedies}


def test_advice_knows_what_the_spec_has() -> None:
    against_bias = _named(_REGULARIZED, 0.2, 0.2)["less regularization"]
    assert "dropout" in against_bias
    assert "weight decay of 0.01" in against_bias
    assert "less regularization" not in _named(_SPEC, 0.2, 0.2)
    missing = _named(_SPEC, 0.0, 0.2)["more regularization"]
    assert "no dropout, no weight decay" in missing
    assert "no dropout" not in _named(_REGULARIZED, 0.0, 0.2)["more regularization"]
    assert "augmentation" in _named(_SPEC, 0.0, 0.2)


def test_numbers_are_judged_in_their_own_unit() -> None:
    spec = compiled(check_yaml(_SPEC))
    verdict = judge(_numbers(10.0), _numbers(30.0), spec, best=9.0)
    assert verdict.cause == "variance"
    assert verdict.unit == "root mean square error"
    assert verdict.noise == pytest.approx(2 * 30.0 / np.sqrt(1000))
    assert "variance is what to work on" in "\n".join(lines(verdict))
