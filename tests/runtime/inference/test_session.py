"""Opening model files: the provider that runs, and files that are refused."""

from __future__ import annotations

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlc.runtime.failures import Failure
from dlc.runtime.inference.providers import registry
from dlc.runtime.inference.session import open_model


def adder(**external):
    """y = x + w, with the numbers of w outside the file where a place is given."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    if external:
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in external.items():
            weight.external_data.add(key=key, value=str(value))
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "adder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [weight],
    )
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])


def write(path, model):
    path.write_bytes(model.SerializeToString())
    return path


def refused(path, provider="auto"):
    with pytest.raises(Failure) as caught:
        open_model(path, provider)
    return caught.value


def test_a_model_answers_and_says_in_one_line_where_it_runs(tmp_path, capfd):
    opened = open_model(write(tmp_path / "m.onnx", adder()), "cpu")
    result = opened.run({"x": np.zeros((3, 2), np.float32)})
    np.testing.assert_array_equal(result["y"], [[1, 2]] * 3)
    assert opened.note == "runs on the CPU (CPUExecutionProvider)"
    assert opened.inputs == {"x": ("tensor(float)", ("N", 2))}
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not registry.why_not("cuda"), reason="CUDA works here")
def test_without_a_gpu_auto_is_silent_and_cuda_is_refused(tmp_path, capfd):
    path = write(tmp_path / "m.onnx", adder())
    assert open_model(path).provider == "CPUExecutionProvider"
    assert capfd.readouterr() == ("", "")
    failure = refused(path, "cuda")
    assert failure.diagnostic.code.number == "E0612"
    assert "does not run here" in failure.diagnostic.message


@pytest.mark.skipif(not registry.why_not("cuda"), reason="CUDA works here")
def test_a_fallback_to_the_cpu_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "why_not", lambda name: "")
    path = write(tmp_path / "m.onnx", adder())
    assert "CUDA did not load" in open_model(path, "auto").note
    assert refused(path, "cuda").diagnostic.code.number == "E0612"


def test_weights_in_the_folder_of_the_model_are_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(np.array([5, 6], np.float32).tobytes())
    opened = open_model(write(tmp_path / "m.onnx", adder(location="w.bin", offset=0, length=8)))
    np.testing.assert_array_equal(opened.run({"x": np.zeros((1, 2), np.float32)})["y"], [[5, 6]])


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ({"location": "{outside}"}, "no path in its folder"),
        ({"location": "../secret.bin"}, "outside its folder"),
        ({"location": "link.bin"}, "outside its folder"),
        ({"location": "inner_link.bin"}, "outside its folder"),
        ({"location": "hard.bin"}, "a link or no regular file"),
        ({"location": "folder"}, "a link or no regular file"),
        ({"location": "fifo"}, "a link or no regular file"),
        ({"location": "missing.bin"}, "cannot be read"),
        ({"location": "w.bin", "offset": 4, "length": 8}, "past the end"),
        ({"location": "w.bin", "offset": -4, "length": 8}, "past the end"),
        ({"location": "w.bin", "offset": "x", "length": 8}, "no number"),
        ({"length": 8}, "no path in its folder"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_weights_elsewhere_are_refused(tmp_path, place, says):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(8))
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (folder / "w.bin").write_bytes(bytes(8))
    (folder / "link.bin").symlink_to(secret)
    (folder / "inner_link.bin").symlink_to(folder / "w.bin")
    os.link(secret, folder / "hard.bin")
    os.mkfifo(folder / "fifo")
    place = {key: str(value).format(outside=secret) for key, value in place.items()}
    failure = refused(write(folder / "m.onnx", adder(**place)))
    assert failure.diagnostic.code.number == "E0610"
    assert failure.exit_code == 65
    assert says in failure.diagnostic.message


def external_tensor(location):
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def hidden_in_sparse(model, tensor):
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 1])
    model.graph.sparse_initializer.add(values=tensor, indices=indices, dims=[4])


def hidden_in_attribute(model, tensor):
    model.graph.node.add(op_type="Constant", output=["c"]).attribute.add(
        name="value", type=onnx.AttributeProto.TENSOR, t=tensor
    )


def hidden_in_subgraph(model, tensor):
    inner = onnx.GraphProto(name="inner", initializer=[tensor])
    model.graph.node.add(op_type="If", output=["c"]).attribute.add(
        name="then_branch", type=onnx.AttributeProto.GRAPH, g=inner
    )


def hidden_in_function(model, tensor):
    function = model.functions.add(name="f", domain="d")
    function.node.add(op_type="Constant", output=["c"]).attribute.add(
        name="value", type=onnx.AttributeProto.TENSOR, t=tensor
    )


def hidden_in_training(model, tensor):
    model.training_info.add().algorithm.initializer.append(tensor)


@pytest.mark.parametrize(
    "hide",
    [
        hidden_in_sparse,
        hidden_in_attribute,
        hidden_in_subgraph,
        hidden_in_function,
        hidden_in_training,
    ],
)
def test_outside_weights_are_found_wherever_they_hide(tmp_path, hide):
    model = adder()
    hide(model, external_tensor("/etc/hostname"))
    failure = refused(write(tmp_path / "m.onnx", model))
    assert "no path in its folder" in failure.diagnostic.message


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x08\x09\x12\x03dlc", bytes(100)])
def test_what_is_no_model_is_refused(tmp_path, data):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    assert refused(path).diagnostic.code.number == "E0610"


def test_a_torn_model_is_refused(tmp_path):
    data = adder().SerializeToString()
    for length in range(1, len(data), 7):
        path = tmp_path / "m.onnx"
        path.write_bytes(data[:length])
        assert refused(path).diagnostic.code.number == "E0610"


def test_a_model_newer_than_the_runtime_is_refused_in_one_line(tmp_path, capfd):
    model = adder()
    model.ir_version = 14
    model.opset_import[0].version = 28
    failure = refused(write(tmp_path / "m.onnx", model))
    assert failure.diagnostic.code.number == "E0610"
    assert "\n" not in failure.diagnostic.message
    assert capfd.readouterr().err == ""


def test_a_wrong_feed_is_a_failure_not_a_traceback(tmp_path):
    opened = open_model(write(tmp_path / "m.onnx", adder()), "cpu")
    with pytest.raises(Failure) as caught:
        opened.run({"x": np.zeros((3, 5), np.float32)})
    assert caught.value.diagnostic.code.number == "E0610"


def test_a_missing_model_is_a_usage_error(tmp_path):
    assert refused(tmp_path / "none.onnx").exit_code == 2
