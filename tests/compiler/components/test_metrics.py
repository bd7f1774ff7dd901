"""Metrics know what they may compare, and what they are called."""

from __future__ import annotations

import pytest

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.mse_loss import MseLoss
from dlc.compiler.components.metrics.accuracy import Accuracy
from dlc.compiler.components.metrics.base import Metric, keys
from dlc.compiler.components.metrics.f1 import F1
from dlc.compiler.components.metrics.mae import Mae
from dlc.compiler.components.metrics.mse import Mse
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor, int_tensor

N, T = symbol("N"), symbol("T")


def made(name: str, **arguments: object) -> Metric:
    found = registry.load("metric", name)(input="output", target="target", **arguments)
    assert isinstance(found, Metric)
    return found


ACCURACY = Accuracy(input="output", target="target")


@pytest.mark.parametrize(
    ("x", "t", "dim"),
    [
        (float_tensor(N, 10), int_tensor(N), 1),
        (float_tensor(N, 10, 8, 8), int_tensor(N, 8, 8), 1),
        (float_tensor(N, T, 10), int_tensor(N, T), -1),
        (float_tensor(N, 1), int_tensor(N, 1), None),
        (float_tensor(N), bool_tensor(N), None),
        (float_tensor(N, 6), float_tensor(N, 6), None),
    ],
    ids=str,
)
def test_accuracy_finds_the_classes(x: TensorType, t: TensorType, dim: int | None) -> None:
    types = {"output": x, "target": t}
    assert ACCURACY.class_dim(types) == dim
    ACCURACY.check(types)


@pytest.mark.parametrize(
    ("metric", "x", "t", "code"),
    [
        (ACCURACY, float_tensor(N, 1), int_tensor(N), "E0402"),
        (ACCURACY, float_tensor(N, 10), int_tensor(N, 1), "E0402"),
        (ACCURACY, float_tensor(N, 1), float_tensor(N), "E0402"),
        (ACCURACY, int_tensor(N), int_tensor(N), "E0406"),
        (F1(input="output", target="target"), float_tensor(N, 10), int_tensor(N, T), "E0402"),
        (Mae(input="output", target="target"), float_tensor(N, 1), float_tensor(N), "E0402"),
        (Mse(input="output", target="target"), float_tensor(N), bool_tensor(N), "E0406"),
        (made("top_k_accuracy", k=5), float_tensor(N, 5), int_tensor(N), "E0302"),
        (made("top_k_accuracy"), float_tensor(N, 9), float_tensor(N, 9), "E0406"),
        (made("confusion_matrix"), float_tensor(N, 5000), int_tensor(N), "E0302"),
        (made("confusion_matrix"), float_tensor(N, 6), int_tensor(N, 6), "E0402"),
        (made("cohen_kappa"), float_tensor(N, 6), float_tensor(N, 6), "E0402"),
        (made("mcc"), float_tensor(N, 6), bool_tensor(N, 6), "E0402"),
        (made("auroc"), float_tensor(N, 1), int_tensor(N), "E0402"),
        (made("perplexity"), float_tensor(N, T), float_tensor(N, T), "E0406"),
        (made("bleu"), float_tensor(N, 9), int_tensor(N), "E0401"),
        (made("r2"), float_tensor(N, 1), float_tensor(N), "E0402"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(
    metric: Metric, x: TensorType, t: TensorType, code: str
) -> None:
    with pytest.raises(ComponentError) as caught:
        metric.check({"output": x, "target": t})
    assert caught.value.code == code
    assert caught.value.help


def test_metrics_are_named_by_head_where_there_are_several() -> None:
    accuracy = Accuracy(input="emotion", target="label")
    mae = Mae(input="age", target="years")
    assert keys([accuracy], ["emotion"]) == ("accuracy",)
    assert keys([accuracy, mae], ["emotion", "age"]) == ("emotion_accuracy", "age_mae")
    assert keys([accuracy, accuracy], ["emotion"]) == ("accuracy", "accuracy_2")


def test_which_way_is_better() -> None:
    assert ACCURACY.higher_is_better
    assert not Mae(input="a", target="b").higher_is_better
    lower = {"mae", "mse", "rmse", "perplexity"}
    found = {name for name in registry.names("metric") if not made(name).higher_is_better}
    assert found == lower


@pytest.mark.parametrize(
    ("metric", "x", "t", "gives"),
    [
        (made("f1"), float_tensor(N, 5), int_tensor(N), "figure"),
        (made("f1", average="none"), float_tensor(N, 5), int_tensor(N), "classes"),
        (made("f1", average="none"), float_tensor(N, 1), int_tensor(N, 1), "figure"),
        (made("auroc", average="none"), float_tensor(N, 5), bool_tensor(N, 5), "classes"),
        (made("iou", average="none"), float_tensor(N, T), bool_tensor(N, T), "figure"),
        (made("confusion_matrix"), float_tensor(N), bool_tensor(N), "matrix"),
    ],
    ids=str,
)
def test_what_a_metric_gives(metric: Metric, x: TensorType, t: TensorType, gives: str) -> None:
    types = {"output": x, "target": t}
    metric.check(types)
    assert metric.gives(types) == gives


def test_what_the_loss_leaves_out_the_metrics_leave_out() -> None:
    losses = [CrossEntropy(input="output", target="target", ignore_index=0)]
    assert made("perplexity").following(losses) == made("perplexity", ignore_index=0)
    assert made("f1", ignore_index=7).following(losses) == made("f1", ignore_index=7)
    assert made("f1").following([MseLoss(input="output", target="target")]) == made("f1")
