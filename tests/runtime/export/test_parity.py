"""The gate: what passes it, what does not, and what it tells."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dlc.runtime.export.parity import compare
from dlc.runtime.export.probes import Probe

RNG = np.random.default_rng(1)
X = RNG.standard_normal((6, 5)).astype(np.float32)


def probe(x=X, kind="draw"):
    return Probe(kind=kind, dims={"N": len(x)}, feeds={"x": x})


def reference(feeds, *, double=False):
    x = feeds["x"].astype(np.float64 if double else np.float32)
    return {"y": 10 * x}


def model(change=lambda y: y):
    return lambda feeds: {"y": change(10 * feeds["x"])}


def judged(change, x=X, kind="draw", ref=reference, **options):
    return compare([probe(x, kind)], model(change), ref, **options)


def test_equal_results_pass_and_are_counted():
    report = compare([probe(X[:1]), probe()], model(), reference)
    assert report.ok
    record = report.record()
    assert json.loads(json.dumps(record)) == record
    assert record["sizes"] == {"N": [1, 6]}
    assert record["outputs"]["y"] == {"max_abs": 0.0, "max_rel": 0.0, "agreement": None}
    assert report.agreement is None


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        (lambda y: y * (1 + 0.9e-3), True),
        (lambda y: y * (1 + 3e-3), False),
        (lambda y: y + 0.9e-5 * np.abs(y).max(), True),
        (lambda y: y + 3e-3 * np.abs(y).max(), False),
    ],
)
def test_the_tolerance_is_relative_to_the_greatest_value(change, passes):
    assert judged(change).ok is passes


def one_value(y):
    y = y.copy()
    y[3, 2] += 1
    return y


@pytest.mark.parametrize(
    "change",
    [one_value, lambda y: y[:, :4], lambda y: y[::-1], lambda y: np.where(y > 9, np.nan, y)],
    ids=["one value", "shape", "order", "not a number"],
)
def test_a_difference_anywhere_fails_with_its_place(change):
    report = judged(change)
    assert not report.ok
    assert report.failures[0].startswith("`y` (draw, N=6): ")
    failure = report.refusal()
    assert failure.diagnostic.code.number == "E0601"
    assert failure.exit_code == 1
    assert failure.diagnostic.notes


def test_infinity_agrees_with_infinity_only():
    x = X.copy()
    x[0, 0], x[1, 1] = np.inf, np.nan
    assert judged(lambda y: y, x).ok
    assert not judged(np.nan_to_num, x).ok


def test_extremes_may_stray_as_far_as_float32_itself_does():
    x = np.full((2, 3), 1e4, np.float32)

    def rough(feeds, *, double=False):
        return {"y": np.full((2, 3), 1.0 if double else 1.01)}

    def constant(value):
        return lambda feeds: {"y": np.full((2, 3), value)}

    assert compare([probe(x, "extremes")], constant(0.99), rough).ok
    assert not compare([probe(x, "draw")], constant(0.99), rough).ok
    assert not compare([probe(x, "extremes")], constant(1.2), rough).ok


def test_without_float64_the_plain_verdict_stands():
    def narrow(feeds, *, double=False):
        if double:
            raise RuntimeError("expected scalar type Float but found Double")
        return reference(feeds)

    assert not judged(lambda y: y + 1, kind="extremes", ref=narrow).ok


def test_labels_are_judged_on_the_models_own_scores():
    def labelled(scores):
        return np.array(list("abcde"), dtype=object)[scores.argmax(-1)]

    def post(outputs):
        return {"y_label": labelled(outputs["y"])}

    def right(feeds):
        return {"y": 10 * feeds["x"], "y_label": labelled(feeds["x"])}

    def wrong(feeds):
        return {"y": 10 * feeds["x"], "y_label": labelled(-feeds["x"])}

    assert compare([probe()], right, reference, post).ok
    report = compare([probe()], wrong, reference, post)
    assert report.failures == ["`y_label` (draw, N=6): 6 of 6 differ"]
    assert report.agreement == 0.0


def test_agreement_is_the_share_of_equal_greatest_scores():
    def swapped(y):
        y = y.copy()
        y[0] = y[0][::-1]
        return y

    assert judged(swapped, scores={"y": 1}).agreement == pytest.approx(5 / 6)
    # Of what is no score the greatest is no answer: a pixel, say.
    assert judged(swapped).agreement is None


def test_classes_may_lie_in_any_dim():
    x = X.reshape(2, 5, 3)
    turned = judged(lambda y: y[:, ::-1], x, scores={"y": 1})
    assert turned.outputs["y"].answers == 6
    assert turned.agreement < 0.5
    assert judged(lambda y: y[:, ::-1], x, scores={"y": 0}).outputs["y"].answers == 15
