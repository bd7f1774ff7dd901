"""Metrics know what they may compare, and what they are called."""

from __future__ import annotations

import pytest

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.metrics.accuracy import Accuracy
from dlc.compiler.components.metrics.base import Metric, keys
from dlc.compiler.components.metrics.f1 import F1
from dlc.compiler.components.metrics.mae import Mae
from dlc.compiler.components.metrics.mse import Mse
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor, int_tensor

N, T = symbol("N"), symbol("T")
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
