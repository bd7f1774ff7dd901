"""Steps before and after the network: their types, and their ONNX by the reference evaluator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.components.postprocessing.labels import Labels
from dlc.compiler.components.postprocessing.sigmoid import Sigmoid
from dlc.compiler.components.postprocessing.softmax import Softmax
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.resize import Resize
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.preprocessing.vocabulary import Vocabulary
from dlc.compiler.components.preprocessing.word import Word
from dlc.compiler.components.preprocessing.wordpiece import Wordpiece
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import FLOAT, INT, DType, TensorType, float_tensor, int_tensor

N = symbol("N")
Array = npt.NDArray[Any]
ELEMENTS = {
    DType.FLOAT32: TensorProto.FLOAT,
    DType.INT64: TensorProto.INT64,
    DType.UINT8: TensorProto.UINT8,
    DType.STRING: TensorProto.STRING,
}


class Builder:
    """As much of the ONNX builder as a step on one value needs."""

    def __init__(self, x: TensorType, weights: dict[str, Array] | None = None) -> None:
        self.inputs = Inputs({"x": (x,)})
        self.weights = weights or {}
        self.made: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __getitem__(self, port: str) -> str:
        return port

    def node(self, op_type: str, *inputs: str | None, domain: str = "", **attributes: Any) -> str:
        name = f"v{len(self.made)}"
        given = [value or "" for value in inputs]
        self.made.append(helper.make_node(op_type, given, [name], domain=domain, **attributes))
        return name

    def weight(self, name: str) -> str:
        self.constants.append(onnx.numpy_helper.from_array(self.weights[name], name))
        return name

    def scalar(self, value: float, dtype: DType) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(helper.make_tensor(name, ELEMENTS[dtype], [], [value]))
        return name

    def constant(self, values: Sequence[Any], dtype: DType, shape: None = None) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(helper.make_tensor(name, ELEMENTS[dtype], [len(values)], values))
        return name

    def run(self, result: str, type: TensorType, x: Array) -> Array:
        inputs = self.inputs.x
        graph = helper.make_graph(
            self.made,
            "step",
            [helper.make_tensor_value_info("x", ELEMENTS[inputs.dtype], [None] * inputs.rank)],
            [helper.make_tensor_value_info(result, ELEMENTS[type.dtype], [None] * type.rank)],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        found: Array = ReferenceEvaluator(model).run(None, {"x": x})[0]
        assert found.ndim == type.rank
        return found


def _before(step: Preprocess, x: TensorType, value: Array, **weights: Array) -> Array:
    step.validate()
    type = step.infer(x)
    builder = Builder(x, weights)
    return builder.run(step.onnx(builder), type, value)  # type: ignore[arg-type]


def _after(step: Postprocess, x: TensorType, value: Array, labels: tuple[str, ...] = ()) -> Array:
    step.validate()
    type = step.infer(x)
    builder = Builder(x)
    return builder.run(step.onnx(builder, labels), type, value)  # type: ignore[arg-type]


def test_scale_multiplies_as_float() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    found = _before(Scale(factor=1 / 255), TensorType(DType.UINT8, (N, 4)), pixels)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, pixels.astype(np.float32) * np.float32(1 / 255))


def test_standardize_takes_mean_and_deviation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, (50, 4)).astype(np.float32)
    mean, std = x.mean(0, keepdims=True), x.std(0, keepdims=True)
    found = _before(Standardize(), float_tensor(N, 4), x, mean=mean, std=std)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("step", "x", "shape"),
    [
        (Standardize(), float_tensor(N, 4), (1, 4)),
        (Standardize(), float_tensor(N, 3, 8, 8), (1, 3, 1, 1)),
        (Standardize(dim=-1), float_tensor(N, symbol("T"), 6), (1, 1, 6)),
        (Standardize(), float_tensor(N), (1,)),
    ],
    ids=str,
)
def test_standardize_keeps_one_dim_apart(
    step: Standardize, x: TensorType, shape: tuple[int, ...]
) -> None:
    assert step.statistics_shape(x) == shape
    assert step.infer(x) == x


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (lambda: Scale(factor=0.0).validate(), "E0302"),
        (lambda: Standardize(dim=0).validate(), "E0302"),
        (lambda: Standardize(dim=2).infer(float_tensor(N, 3)), "E0401"),
        (lambda: Scale(factor=2.0).infer(TensorType(DType.STRING, (N,))), "E0406"),
        (lambda: Lowercase().infer(int_tensor(N)), "E0406"),
        (lambda: Vocabulary().infer(float_tensor(N)), "E0406"),
        (lambda: Resize(height=8).infer(float_tensor(N, 3)), "E0401"),
        (lambda: Softmax().infer(float_tensor(N)), "E0401"),
        (lambda: Softmax(dim=3).infer(float_tensor(N, 3)), "E0401"),
        (lambda: Softmax().infer(float_tensor(N, 1)), "E0402"),
        (lambda: Softmax().infer(int_tensor(N, 3)), "E0406"),
        (lambda: Sigmoid().infer(int_tensor(N)), "E0406"),
        (lambda: Labels().infer(float_tensor(N, symbol("C"))), "E0403"),
        (lambda: Labels(names=("a", "b")).infer(float_tensor(N, 3)), "E0402"),
        (lambda: Labels(names=("a", "a")).validate(), "E0203"),
    ],
)
def test_what_does_not_fit_is_refused(run: Callable[[], object], code: str) -> None:
    with pytest.raises(ComponentError) as caught:
        run()
    assert caught.value.code == code
    assert caught.value.help


def test_steps_say_what_they_give() -> None:
    text = TensorType(DType.STRING, (N,))
    words = Word(vocabulary=100, max_length=8, lengths="lengths")
    assert words.fills == ("lengths",)
    assert words.infer(text).dtype is INT
    assert words.infer(text).rank == 2
    pieces = Wordpiece(vocabulary=100, mask="mask", segments="segments")
    assert pieces.fills == ("mask", "segments")
    assert Vocabulary().infer(text) == int_tensor(N)
    picture = float_tensor(N, 3, 200, 300)
    assert Resize(height=64).infer(picture) == float_tensor(N, 3, 64, 96)
    assert Resize(height=64, width=32).infer(picture) == float_tensor(N, 3, 64, 32)
    assert CenterCrop(height=20, width=30).infer(picture) == float_tensor(N, 3, 20, 30)


def test_softmax_gives_probabilities() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    found = _after(Softmax(), float_tensor(N, 3), x)
    expected = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_sigmoid_gives_probabilities() -> None:
    x = np.random.default_rng(0).normal(size=(5,)).astype(np.float32)
    np.testing.assert_allclose(
        _after(Sigmoid(), float_tensor(N), x), 1 / (1 + np.exp(-x)), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("step", "labels", "expected"),
    [
        (Labels(), (), ["2", "0"]),
        (Labels(), ("cat", "dog", "eel"), ["eel", "cat"]),
        (Labels(names=("a", "b", "c")), ("cat", "dog", "eel"), ["c", "a"]),
    ],
    ids=str,
)
def test_labels_name_the_greatest_score(
    step: Labels, labels: tuple[str, ...], expected: list[str]
) -> None:
    x = np.array([[0.1, 0.2, 0.3], [3.0, 0.0, -1.0]], dtype=np.float32)
    assert step.infer(float_tensor(N, 3)) == TensorType(DType.STRING, (N,))
    assert _after(step, float_tensor(N, 3), x, labels).tolist() == expected


def test_labels_of_every_pixel() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    found = _after(Labels(dim=1), float_tensor(N, 3, 4, 5), x)
    assert found.tolist() == x.argmax(1).astype(str).tolist()


def test_a_scale_is_float_whatever_comes_in() -> None:
    assert Scale(factor=2.0).infer(int_tensor(N, 3)).dtype is FLOAT
