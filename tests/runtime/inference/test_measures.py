"""Losses and metrics in numpy, against torch, whole and in chunks."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.huber_loss import HuberLoss
from dlc.compiler.components.losses.l1_loss import L1Loss
from dlc.compiler.components.losses.mse_loss import MseLoss
from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.compiler.components.losses.smooth_l1_loss import SmoothL1Loss
from dlc.compiler.components.metrics.accuracy import Accuracy
from dlc.compiler.components.metrics.mae import Mae
from dlc.compiler.components.settings import LossTerm
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import bool_tensor, float_tensor, int_tensor
from dlc.runtime.failures import Failure
from dlc.runtime.inference.measures import Measures

torch = pytest.importorskip("torch")

N, T = symbol("N"), symbol("T")
RNG = np.random.default_rng(3)
ROWS = 23


def floats(*shape, scale=3.0):
    return (scale * RNG.standard_normal((ROWS, *shape))).astype(np.float32)


def classes(count, *shape, ignored=None):
    values = RNG.integers(0, count, (ROWS, *shape))
    if ignored is not None:
        values[RNG.random(values.shape) < 0.3] = ignored
    return values


WEIGHT = (0.5, 1.0, 2.0, 4.0)
SOFT = np.random.default_rng(0).dirichlet(np.ones(4), ROWS).astype(np.float32)
PLAIN = {"input": "x", "target": "t"}
CASES = {
    "classes": (CrossEntropy(**PLAIN), floats(4), classes(4)),
    "weighted": (CrossEntropy(**PLAIN, weight=WEIGHT), floats(4), classes(4)),
    "ignored": (CrossEntropy(**PLAIN, ignore_index=2), floats(4), classes(4)),
    "smoothed": (CrossEntropy(**PLAIN, label_smoothing=0.2), floats(4), classes(4)),
    "all at once": (
        CrossEntropy(**PLAIN, label_smoothing=0.1, weight=WEIGHT, ignore_index=-100),
        floats(4),
        classes(4, ignored=-100),
    ),
    "large logits": (CrossEntropy(**PLAIN), floats(4, scale=1e4), classes(4)),
    "classes second": (CrossEntropy(**PLAIN), floats(4, 6), classes(4, 6)),
    "classes last": (CrossEntropy(**PLAIN), floats(7, 4), classes(4, 7, ignored=-100)),
    "probabilities": (CrossEntropy(**PLAIN, label_smoothing=0.1), floats(4), SOFT),
    "weighted probabilities": (CrossEntropy(**PLAIN, weight=WEIGHT), floats(4), SOFT),
    "nll": (NllLoss(**PLAIN, weight=WEIGHT), floats(4), classes(4)),
    "binary": (BinaryCrossEntropyWithLogits(**PLAIN), floats(3, scale=100), classes(2, 3)),
    "binary weighted": (
        BinaryCrossEntropyWithLogits(**PLAIN, pos_weight=(1.0, 2.0, 3.0)),
        floats(3),
        RNG.random((ROWS, 3)).astype(np.float32),
    ),
    "binary flags": (BinaryCrossEntropyWithLogits(**PLAIN), floats(), classes(2).astype(bool)),
    "mse": (MseLoss(**PLAIN), floats(2), floats(2)),
    "l1": (L1Loss(**PLAIN), floats(2), floats(2)),
    "smooth l1": (SmoothL1Loss(**PLAIN, beta=0.5), floats(2), floats(2)),
    "smooth l1 at zero": (SmoothL1Loss(**PLAIN, beta=0.0), floats(2), floats(2)),
    "huber": (HuberLoss(**PLAIN, delta=2.0), floats(2), floats(2)),
}


def types_of(x, t):
    shapes = [(N, *(T if d == 7 else d for d in a.shape[1:])) for a in (x, t)]
    kinds = {"f": float_tensor, "i": int_tensor, "b": bool_tensor}
    return {"x": float_tensor(*shapes[0]), "t": kinds[t.dtype.kind](*shapes[1])}


def measured(x, t, loss=(), metrics=(), chunk=ROWS):
    measures = Measures(loss=loss, metrics=metrics, outputs=("x",), types=types_of(x, t))
    for start in range(0, ROWS, chunk):
        part = slice(start, start + chunk)
        measures.add({"x": x[part], "t": t[part]}, len(x[part]))
    assert measures.rows == ROWS
    return measures.results()


def torch_loss(loss, types, folder):
    """The function that the generated module would have."""
    text = loss.torch(lambda name: name, types)
    source = f"import torch.nn.functional as F\n\n\ndef loss(x, t):\n    return {text}\n"
    (folder / "twin.py").write_text(source)
    spec = importlib.util.spec_from_file_location("twin", folder / "twin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.loss


@pytest.mark.parametrize("chunk", [ROWS, 5])
@pytest.mark.parametrize("case", CASES)
def test_a_loss_is_torchs_for_any_chunks(case, chunk, tmp_path):
    loss, x, t = CASES[case]
    expected = float(torch_loss(loss, types_of(x, t), tmp_path)(*map(torch.from_numpy, (x, t))))
    found = measured(x, t, loss=(LossTerm(weight=1.0, loss=loss),), chunk=chunk)
    assert found["loss"] == pytest.approx(expected, rel=2e-6)


def test_terms_are_weighted_and_summed():
    x, t = floats(2), floats(2)
    mse, mae = MseLoss(**PLAIN), L1Loss(**PLAIN)
    both = (LossTerm(weight=1.0, loss=mse), LossTerm(weight=0.2, loss=mae))
    one, other = np.mean((x - t) ** 2), np.mean(np.abs(x - t))
    assert measured(x, t, loss=both)["loss"] == pytest.approx(one + 0.2 * other, rel=1e-5)


def test_accuracy_counts_the_greatest_score_of_what_counts():
    x = np.zeros((ROWS, 4), np.float32)
    x[:, 1] = 1
    t = np.ones(ROWS, np.int64)
    t[:5] = 2
    t[5:8] = -100
    found = measured(x, t, metrics=(Accuracy(**PLAIN),), chunk=4)
    assert found == {"accuracy": (ROWS - 8) / (ROWS - 3)}


def test_accuracy_of_yes_or_no_answers_uses_the_threshold():
    x, t = floats(3), classes(2, 3).astype(np.float32)
    found = measured(x, t, metrics=(Accuracy(**PLAIN, threshold=0.5),))
    assert found["accuracy"] == pytest.approx(np.mean((x > 0.5) == (t > 0.5)))


def test_mean_absolute_error():
    x, t = floats(3), floats(3)
    assert measured(x, t, metrics=(Mae(**PLAIN),))["mae"] == pytest.approx(
        np.mean(np.abs(x - t)), rel=1e-6
    )


def test_nothing_that_counts_is_not_a_number():
    x, t = floats(4), np.full(ROWS, -100)
    assert math.isnan(measured(x, t, metrics=(Accuracy(**PLAIN),))["accuracy"])


def test_what_is_not_measured_says_so_at_once():
    class Unmeasured(Accuracy):
        name = "unmeasured"

    with pytest.raises(Failure) as caught:
        Measures(loss=(), metrics=(Unmeasured(**PLAIN),), outputs=("x",), types={})
    assert caught.value.diagnostic.code.number == "E0602"


@pytest.mark.parametrize("value", [4, -1])
def test_a_class_that_the_output_lacks_is_bad_data(value):
    x, t = floats(4), classes(4)
    t[7] = value
    with pytest.raises(Failure) as caught:
        measured(x, t, metrics=(Accuracy(**PLAIN),))
    assert caught.value.diagnostic.code.number == "E0606"
    assert f"the class {value}" in caught.value.diagnostic.message


def test_parts_measured_apart_give_one_figure():
    x, t = floats(4), classes(4)
    terms = (LossTerm(weight=0.5, loss=CrossEntropy(**PLAIN)),)
    whole = measured(x, t, loss=terms, metrics=(Accuracy(**PLAIN),))
    ranks = [
        Measures(loss=terms, metrics=(Accuracy(**PLAIN),), outputs=("x",), types=types_of(x, t))
        for _ in range(3)
    ]
    ranks[0].add({"x": x[:9], "t": t[:9]}, 9)
    ranks[2].add({"x": x[9:], "t": t[9:]}, ROWS - 9)
    ranks[0].merge(ranks[1].state())
    ranks[0].merge(ranks[2].state())
    assert ranks[0].rows == ROWS
    assert ranks[0].results() == pytest.approx(whole, rel=1e-12)
