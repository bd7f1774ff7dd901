"""OpenVINO runs model files by its own package."""

from __future__ import annotations

import json
import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlc.compiler.cli.main import main
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.failures import Failure
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.inference.providers.openvino import OpenVino
from dlc.runtime.inference.session import open_model

pytest.importorskip("openvino")


def test_it_answers_as_onnxruntime_does_labels_too(trained, capsys):
    found = {}
    for provider in ("openvino", "cpu"):
        words = ["predict", str(trained.model), str(trained.data), "--format", "json"]
        assert main([*words, "--provider", provider]) == 0
        record = json.loads(capsys.readouterr().out)
        found[provider] = record["predictions"]
        assert record["provider"] == (
            "OpenVINOExecutionProvider" if provider == "openvino" else "CPUExecutionProvider"
        )
    for ours, theirs in zip(found["openvino"], found["cpu"], strict=True):
        assert ours["label"] == theirs["label"]
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-5)


def test_it_says_what_runs_and_keeps_the_metadata(trained):
    predictor = Predictor(path=trained.model, provider="openvino", strict=True)
    assert predictor.session.note == "runs on OpenVINO (OpenVINOExecutionProvider)"
    assert predictor.info.name == "Flowers"
    plain = Predictor(path=trained.model, provider="cpu")
    assert predictor.session.inputs == plain.session.inputs
    assert predictor.session.outputs == plain.session.outputs


def test_callers_at_once_get_their_own_answers(trained):
    session, plain = open_model(trained.model, "openvino"), open_model(trained.model, "cpu")
    wrong = []

    def call(seed):
        rng = np.random.default_rng(seed)
        for _ in range(20):
            given = rng.normal(1000, 50, (rng.integers(1, 9), 4)).astype(np.float32)
            kept = session.run({"measures": given})["logits"]
            # The next answer must not be written over the one before.
            session.run({"measures": given + 50})
            if not np.allclose(kept, plain.run({"measures": given})["logits"], atol=1e-3):
                wrong.append(seed)

    threads = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_it_does_not_know_is_refused_in_one_line(tmp_path):
    node = helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER")
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["N"])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["N"])],
    )
    made = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(made, tmp_path / "m.onnx")
    with pytest.raises(Failure) as caught:
        open_model(tmp_path / "m.onnx", "openvino")
    diagnostic = caught.value.diagnostic
    assert diagnostic.code.number == "E0612"
    assert "StringNormalizer" in diagnostic.message
    assert "\n" not in diagnostic.message


def recurrent(kind, *, lengths):
    gates, size, width = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 3, 2
    rng = np.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("w", (1, gates * size, width)), ("r", (1, gates * size, size)))
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, "N", width])]
    if lengths:
        inputs.append(helper.make_tensor_value_info("n", TensorProto.INT32, ["N"]))
    names = ["x", "w", "r", "", "n"] if lengths else ["x", "w", "r"]
    graph = helper.make_graph(
        [helper.make_node(kind, names, ["", "y"], hidden_size=size)],
        "g",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "N", size])],
        weights,
    )
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_lengths_that_it_ignores_are_refused(tmp_path, kind):
    path = tmp_path / "m.onnx"
    path.write_bytes(recurrent(kind, lengths=True).SerializeToString())
    with pytest.raises(Failure) as caught:
        open_model(path, "openvino")
    assert "ignores the lengths" in caught.value.diagnostic.message
    chosen = open_model(path, "auto", settings=SessionSettings(provider="openvino"))
    assert chosen.provider != "OpenVINOExecutionProvider"
    assert chosen.note.endswith(
        "OpenVINO is not used: it ignores the lengths that a recurrent layer takes"
    )
    path.write_bytes(recurrent(kind, lengths=False).SerializeToString())
    assert open_model(path, "openvino").provider == "OpenVINOExecutionProvider"


def test_it_still_ignores_lengths(tmp_path, monkeypatch):
    """Where this fails, OpenVINO has learned it, and `refuses` may go."""
    path = tmp_path / "m.onnx"
    path.write_bytes(recurrent("LSTM", lengths=True).SerializeToString())
    feeds = {"x": np.ones((5, 2, 2), np.float32), "n": np.array([5, 2], np.int32)}
    right = open_model(path, "cpu").run(feeds)["y"]
    monkeypatch.setattr(OpenVino, "refuses", lambda self, facts: "")
    found = open_model(path, "openvino").run(feeds)["y"]
    np.testing.assert_allclose(found[0, 0], right[0, 0], atol=1e-5)
    assert np.abs(found[0, 1] - right[0, 1]).max() > 0.01
