"""What a file says about itself: written, read, damaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlc.compiler.ir.types import DType
from dlc.runtime.data.preprocessing import InputRecord, Preprocessing
from dlc.runtime.export.metadata import DataRecord, InputColumns, ModelInfo
from dlc.runtime.failures import Failure

FULL = ModelInfo(
    name="Net",
    spec="dlc: 1\n",
    digest="ab",
    labels={"logits": ("ja", "nein", "grün")},
    inputs={"x": InputColumns(columns=("b", "a"), steps=("scale",))},
    metrics={"val_loss": 0.5},
    parity={"ok": True},
    data=DataRecord(sha256="cd", split={"seed": 0}, classes={"label": ("ja",)}),
)


def test_what_targets_are_made_with_comes_back():
    record = InputRecord(
        dtype=DType.STRING,
        shape=(None, 2),
        columns=("a", "b"),
        statistics=(
            {"entries": np.array(["x", "ÿ"], object)},
            {"mean": np.array([0.1, 1 / 3], np.float32)},
        ),
    )
    info = replace(FULL, fitted=Preprocessing(inputs={"x": record}))
    found = ModelInfo.read(info.properties(), "m.onnx").fitted
    assert found.files() == info.fitted.files()
    assert found.inputs["x"].statistics[0]["entries"].tolist() == ["x", "ÿ"]


def test_all_of_it_comes_back():
    assert ModelInfo.read(FULL.properties(), "m.onnx") == FULL


def test_a_file_that_dlc_did_not_write_is_told_from_one_that_it_did():
    assert ModelInfo.read({"names": "['a']"}, "m.onnx").version == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dlc.labels", "{"),
        ("dlc.labels", "[1]"),
        ("dlc.preprocess", '{"x": 3}'),
        ("dlc.preprocess", '{"x": {"columns": 1, "steps": []}}'),
        ("dlc.metrics", '{"a": "b"}'),
        ("dlc.parity", "3"),
        ("dlc.data", '{"sha256": 1}'),
        ("dlc.data", "[" * 100_000),
        ("dlc.fitted", "{}"),
        ("dlc.fitted", '{"preprocess.json": {}, "statistics.safetensors": "AAAA"}'),
        ("dlc.fitted", '{"preprocess.json": {"format": 1}, "statistics.safetensors": "AAAA"}'),
        ("dlc.fitted", '{"preprocess.json": {"format": 1}, "statistics.safetensors": "?"}'),
    ],
)
def test_what_we_did_not_write_is_refused(key, value):
    with pytest.raises(Failure) as caught:
        ModelInfo.read({**FULL.properties(), key: value}, "m.onnx")
    assert caught.value.diagnostic.code.number == "E0610"
