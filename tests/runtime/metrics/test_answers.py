"""Metrics of answers against torchmetrics and scikit-learn, and what holds for all metrics.

torchmetrics is given float64 and, where it would guess whether scores are logits, answers.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchmetrics.functional as tm
from sklearn import metrics as sk

from dlc.compiler.components import registry
from dlc.compiler.components.metrics._pairwise import PairwiseMetric
from dlc.runtime import metrics as measured
from dlc.runtime.failures import Failure
from tests.runtime.metrics.measuring import (
    ROWS,
    component,
    figure,
    figures,
    measures_of,
    rng,
    same,
    tensors,
    types_of,
)

CLASSES, LABELS = 5, 4
AVERAGES = ["macro", "micro", "weighted", "none"]

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(samples in targets|score for one or more classes|compute zero|is close to zero)"
)


def class_data(random, *, shape=(), absent=False, said=False, ties=False, ignored=None):
    x = random.standard_normal((ROWS, CLASSES, *shape)).astype(np.float32)
    t = random.integers(0, CLASSES - absent, (ROWS, *shape))
    if absent and not said:
        x[:, -1] = -9
    if ties:
        x = np.round(x)
    if ignored is not None:
        t[random.random(t.shape) < 0.3] = ignored
    return x, t


CLASS_CASES = {
    "plain": {},
    "absent class": {"absent": True},
    "class that is said and never true": {"absent": True, "said": True},
    "ties": {"ties": True},
    "ignored": {"ignored": -100},
    "pixels": {"shape": (3, 2)},
    "ignored pixels": {"shape": (3, 2), "ignored": 255},
}
COUNTED = {
    "accuracy": tm.classification.multiclass_accuracy,
    "precision": tm.classification.multiclass_precision,
    "recall": tm.classification.multiclass_recall,
    "f1": tm.classification.multiclass_f1_score,
    "specificity": tm.classification.multiclass_specificity,
    "iou": tm.classification.multiclass_jaccard_index,
}


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("case", CLASS_CASES)
@pytest.mark.parametrize("name", COUNTED)
def test_counts_of_classes_are_torchmetrics(name, case, average):
    random = rng(name, case, average)
    arguments = CLASS_CASES[case]
    x, t = class_data(random, **arguments)
    ignored = arguments.get("ignored")
    metric = component(
        name, average=average, **({} if ignored is None else {"ignore_index": ignored})
    )
    expected = COUNTED[name](
        *tensors(x.argmax(1), t), num_classes=CLASSES, average=average, ignore_index=ignored
    )
    same(figure(metric, x, t), expected)


YES_OR_NO = {
    "accuracy": (tm.classification.binary_accuracy, tm.classification.multilabel_accuracy),
    "precision": (tm.classification.binary_precision, tm.classification.multilabel_precision),
    "recall": (tm.classification.binary_recall, tm.classification.multilabel_recall),
    "f1": (tm.classification.binary_f1_score, tm.classification.multilabel_f1_score),
    "specificity": (
        tm.classification.binary_specificity,
        tm.classification.multilabel_specificity,
    ),
    "iou": (
        tm.classification.binary_jaccard_index,
        tm.classification.multilabel_jaccard_index,
    ),
}


def label_data(random, shape, *, missing=False, absent=False, dtype=np.int64):
    x = np.round(random.standard_normal((ROWS, *shape)), 1).astype(np.float32)
    t = random.integers(0, 2, (ROWS, *shape)).astype(dtype)
    if absent:
        t[:, 0] = 0
        x[:, 0] = -1
    if missing:
        t[random.random(t.shape) < 0.3] = np.nan if dtype == np.float32 else -100
    return x, t


LABEL_CASES = {
    "plain": {},
    "missing": {"missing": True},
    "missing floats": {"missing": True, "dtype": np.float32},
    "absent label": {"absent": True},
    "flags": {"dtype": bool},
}


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("case", LABEL_CASES)
@pytest.mark.parametrize("name", YES_OR_NO)
def test_counts_of_labels_are_torchmetrics(name, case, average):
    x, t = label_data(rng(name, case, average), (LABELS,), **LABEL_CASES[case])
    plain = np.where(np.isnan(t), -100, t).astype(np.int64)
    expected = YES_OR_NO[name][1](
        *tensors((x > 0).astype(np.int64), plain),
        num_labels=LABELS,
        average=average,
        ignore_index=-100,
    )
    same(figure(component(name, average=average), x, t), expected)


@pytest.mark.parametrize("shape", [(), (1,), (1, 3, 2)], ids=str)
@pytest.mark.parametrize("name", YES_OR_NO)
def test_counts_of_one_question_are_torchmetrics(name, shape):
    x, t = label_data(rng(name, shape), shape, missing=True)
    said = (x > 0.5).astype(np.int64)
    expected = YES_OR_NO[name][0](*tensors(said, t), ignore_index=-100)
    for average in AVERAGES:
        same(figure(component(name, average=average, threshold=0.5), x, t), expected)


def test_a_dim_of_any_size_is_one_question():
    x, t = label_data(rng("free"), (LABELS,))
    expected = tm.classification.binary_f1_score(*tensors((x > 0).astype(np.int64), t))
    same(figure(component("f1"), x, t, free=True), expected)


def test_the_class_that_does_not_count_is_no_class():
    x, t = class_data(rng("void"))
    counts = t != 2
    said = x.argmax(1)
    kept = [0, 1, 3, 4]
    for average in ("macro", "weighted"):
        found = figure(component("f1", ignore_index=2, average=average), x, t)
        expected = sk.f1_score(
            t[counts], said[counts], labels=kept, average=average, zero_division=0
        )
        assert found == pytest.approx(expected)
    for average in ("macro", "micro"):
        expected = tm.classification.multiclass_jaccard_index(
            *tensors(said, t), num_classes=CLASSES, average=average, ignore_index=2
        )
        same(figure(component("iou", ignore_index=2, average=average), x, t), expected)
    assert math.isnan(figure(component("f1", ignore_index=2, average="none"), x, t)[2])


@pytest.mark.parametrize("case", CLASS_CASES)
def test_top_k_is_scikit_learns(case):
    arguments = CLASS_CASES[case]
    x, t = class_data(rng("top", case), **arguments)
    ignored = arguments.get("ignored", -100)
    flat, target = np.moveaxis(x, 1, -1).reshape(-1, CLASSES), t.reshape(-1)
    flat, target = flat[target != ignored], target[target != ignored]
    for k in (1, 2, 3):
        # scikit-learn takes the higher class number of ties: the numbers are turned round.
        expected = sk.top_k_accuracy_score(
            CLASSES - 1 - target, flat[:, ::-1], k=k, labels=range(CLASSES)
        )
        same(figure(component("top_k_accuracy", k=k, ignore_index=ignored), x, t), expected)
        if case not in ("ties",):
            expected = tm.classification.multiclass_accuracy(
                *tensors(flat, target), num_classes=CLASSES, top_k=k, average="micro"
            )
            same(figure(component("top_k_accuracy", k=k, ignore_index=ignored), x, t), expected)


def test_scores_that_are_no_numbers_are_not_right():
    x = np.full((ROWS, CLASSES), np.nan, np.float32)
    t = np.full(ROWS, CLASSES - 1)
    assert figure(component("top_k_accuracy", k=2), x, t) == 0
    assert math.isnan(figure(component("perplexity"), x, t))
    assert math.isnan(figure(component("auroc"), x, t))
    assert math.isnan(figure(component("mse"), x, x * 0 + 1))


@pytest.mark.parametrize("case", CLASS_CASES)
def test_matrices_and_agreement_are_torchmetrics(case):
    arguments = CLASS_CASES[case]
    x, t = class_data(rng("matrix", case), **arguments)
    ignored = arguments.get("ignored")
    also = {} if ignored is None else {"ignore_index": ignored}
    given = (*tensors(x.argmax(1), t), CLASSES)
    for weights in ("none", "linear", "quadratic"):
        expected = tm.classification.multiclass_cohen_kappa(
            *given, weights=weights, ignore_index=ignored
        )
        # torchmetrics takes it from 1 in float32.
        same(figure(component("cohen_kappa", weights=weights, **also), x, t), expected, 2e-7)
    expected = tm.classification.multiclass_matthews_corrcoef(*given, ignore_index=ignored)
    same(figure(component("mcc", **also), x, t), expected)
    measures = measures_of(component("confusion_matrix", **also), x, t)
    measures.add({"x": x[:9], "t": t[:9]}, 9)
    measures.add({"x": x[9:], "t": t[9:]}, ROWS - 9)
    expected = tm.classification.multiclass_confusion_matrix(*given, ignore_index=ignored)
    found = measures.matrices()["confusion_matrix"]
    assert found.labels == ("0", "1", "2", "3", "4")
    assert found.counts.tolist() == expected.tolist()
    assert measures.results() == {}


def test_matrices_and_agreement_of_yes_and_no_are_torchmetrics():
    x, t = label_data(rng("two"), (1,), missing=True)
    given = tensors((x > 0).astype(np.int64), t)
    expected = tm.classification.binary_matthews_corrcoef(*given, ignore_index=-100)
    same(figure(component("mcc"), x, t), expected)
    expected = tm.classification.binary_cohen_kappa(*given, ignore_index=-100)
    same(figure(component("cohen_kappa"), x, t), expected)
    measures = measures_of(component("confusion_matrix"), x, t, labels={"t": ("no", "yes")})
    measures.add({"x": x, "t": t}, ROWS)
    expected = tm.classification.binary_confusion_matrix(*given, ignore_index=-100)
    found = measures.matrices()["confusion_matrix"]
    assert found.labels == ("no", "yes")
    assert found.counts.tolist() == expected.tolist()


RANKED = {
    "auroc": (
        tm.classification.binary_auroc,
        tm.classification.multiclass_auroc,
        tm.classification.multilabel_auroc,
    ),
    "average_precision": (
        tm.classification.binary_average_precision,
        tm.classification.multiclass_average_precision,
        tm.classification.multilabel_average_precision,
    ),
}
OF_SKLEARN = {"auroc": sk.roc_auc_score, "average_precision": sk.average_precision_score}


@pytest.mark.parametrize("average", ["macro", "weighted", "none"])
@pytest.mark.parametrize("case", ["plain", "ties", "ignored", "ignored pixels"])
@pytest.mark.parametrize("name", RANKED)
def test_rankings_of_classes_are_torchmetrics(name, case, average):
    arguments = CLASS_CASES[case]
    x, t = class_data(rng(name, case, average), **arguments)
    ignored = arguments.get("ignored")
    also = {} if ignored is None else {"ignore_index": ignored}
    logits, target = tensors(x.astype(np.float64), t)
    shares = logits.softmax(1)
    expected = RANKED[name][1](
        shares, target, num_classes=CLASSES, average=average, ignore_index=ignored
    )
    if case != "ties":
        # Whether shares of different logits are equal is a matter of rounding.
        same(figure(component(name, average=average, **also), x, t), expected)
    given = shares.numpy()
    same(figure(component(name, average=average, from_logits=False, **also), given, t), expected)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("name", RANKED)
def test_rankings_of_labels_are_torchmetrics(name, missing, average):
    x, t = label_data(rng(name, missing, average), (LABELS,), missing=missing)
    scores, target = tensors(x.astype(np.float64), t)
    expected = RANKED[name][2](
        scores.sigmoid(), target, num_labels=LABELS, average=average, ignore_index=-100
    )
    same(figure(component(name, average=average), x, t), expected)


@pytest.mark.parametrize("name", RANKED)
def test_rankings_of_one_question_are_scikit_learns(name):
    x, t = label_data(rng(name), ())
    same(figure(component(name), x, t), OF_SKLEARN[name](t, x))
    scores, target = tensors(x.astype(np.float64), t)
    same(figure(component(name), x, t), RANKED[name][0](scores.sigmoid(), target))
    # However large the logits: a float32 sigmoid would make all of these one.
    same(figure(component(name), 100 + 10 * x, t), OF_SKLEARN[name](t, x))


@pytest.mark.parametrize("name", RANKED)
def test_all_classes_ranked_together_are_scikit_learns(name):
    x, t = class_data(rng("together", name))
    shares = torch.from_numpy(x.astype(np.float64)).softmax(1).numpy()
    expected = OF_SKLEARN[name](np.eye(CLASSES)[t].ravel(), shares.ravel())
    same(figure(component(name, average="micro"), x, t), expected)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("name", RANKED)
def test_a_class_that_no_sample_has_is_not_ranked(name, average):
    x, t = class_data(rng("absent", name, average), absent=True)
    shares = torch.from_numpy(x.astype(np.float64)).softmax(1).numpy()
    single = [OF_SKLEARN[name](t == c, shares[:, c]) for c in range(CLASSES - 1)]
    weights = np.bincount(t, minlength=CLASSES - 1) if average == "weighted" else None
    same(figure(component(name, average=average), x, t), np.average(single, weights=weights))
    assert math.isnan(figure(component(name, average="none"), x, t)[-1])


def test_samples_of_one_class_have_no_ranking():
    x, t = label_data(rng("one"), ())
    assert math.isnan(figure(component("auroc"), x, t * 0))
    assert math.isnan(figure(component("auroc"), x, t * 0 + 1))
    assert math.isnan(figure(component("average_precision"), x, t * 0))
    assert figure(component("average_precision"), x, t * 0 + 1) == 1


EVERY = sorted(measured.names())


@pytest.mark.parametrize("name", EVERY)
def test_nothing_that_counts_is_not_a_number(name):
    if issubclass(registry.load("metric", name), PairwiseMetric):
        x, t = np.zeros(9, np.float32), np.full(9, np.nan, np.float32)
    elif name == "bleu":
        x, t = np.zeros((9, 5, 3), np.float32), np.full((9, 5), -100)
    else:
        x, t = np.zeros((9, 3), np.float32), np.full(9, -100)
    metric = component(name, **({"k": 2} if name == "top_k_accuracy" else {}))
    if metric.gives(types_of(x, t)) == "matrix":
        return
    assert figures(metric, x, t) == pytest.approx({name: math.nan}, nan_ok=True)
    assert measures_of(metric, x, t).results() == pytest.approx({name: math.nan}, nan_ok=True)


def test_every_metric_is_measured():
    assert sorted(registry.names("metric")) == EVERY
    assert all(registry.load("metric", name).available for name in EVERY)


@pytest.mark.parametrize("name", ["f1", "confusion_matrix", "auroc", "perplexity"])
def test_a_class_that_the_output_lacks_is_bad_data(name):
    x, t = class_data(rng("outside"))
    t[3] = CLASSES
    with pytest.raises(Failure) as caught:
        figures(component(name), x, t)
    assert caught.value.diagnostic.code.number == "E0606"


def test_figures_of_classes_bear_their_names():
    x, t = class_data(rng("names"))
    names = ("a", "b", "c", "d", "e")
    measures = measures_of(component("recall", average="none"), x, t, labels={"t": names})
    measures.add({"x": x, "t": t}, ROWS)
    assert list(measures.results()) == [f"recall.{name}" for name in names]
