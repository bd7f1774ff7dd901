"""A Triton repository, whose configuration is read by Triton's own message classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.targets.feeds import golden_feeds
from dlc.runtime.targets.triton import quoted
from tests.runtime.every_kind import EveryKind

messages = pytest.importorskip("tritonclient.grpc.model_config_pb2")
text_format = pytest.importorskip("google.protobuf.text_format")


def read(folder: Path) -> Any:
    return text_format.Parse((folder / "config.pbtxt").read_text(), messages.ModelConfig())


def repository(every: EveryKind, tmp_path: Path, *options: str) -> tuple[Any, Path]:
    out = tmp_path / "repository"
    given = ["export", str(every.model), "--target", "triton", "-o", str(out), *options]
    assert main(given) == 0
    return read(out / "everykind"), out / "everykind"


def test_the_configuration_says_what_the_file_takes_and_gives(
    every: EveryKind, tmp_path: Path
) -> None:
    config, folder = repository(every, tmp_path)
    session = ort.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    assert (config.name, config.platform, config.max_batch_size) == (
        "everykind",
        "onnxruntime_onnx",
        64,
    )
    types = {
        "float": "FP32",
        "int64": "INT64",
        "uint8": "UINT8",
        "bool": "BOOL",
        "string": "STRING",
    }
    for ours, theirs in (
        (config.input, session.get_inputs()),
        (config.output, session.get_outputs()),
    ):
        assert [tensor.name for tensor in ours] == [tensor.name for tensor in theirs]
        for tensor, given in zip(ours, theirs, strict=True):
            kind = messages.DataType.Name(tensor.data_type)
            assert kind == f"TYPE_{types[given.type[7:-1]]}"
            sizes = [size if isinstance(size, int) else -1 for size in given.shape[1:]]
            # A batch of single values has a size of one, which Triton takes away.
            assert list(tensor.dims) == (sizes or [1])
            assert tensor.HasField("reshape") == (not sizes)
            assert list(tensor.reshape.shape) == []
    assert config.HasField("dynamic_batching")
    assert config.dynamic_batching.max_queue_delay_microseconds == 0
    (group,) = config.instance_group
    assert (group.count, group.kind) == (1, messages.ModelInstanceGroup.KIND_AUTO)


def test_outputs_of_classes_name_the_file_of_their_labels(every: EveryKind, tmp_path: Path) -> None:
    config, folder = repository(every, tmp_path)
    labels = {tensor.name: tensor.label_filename for tensor in config.output}
    assert labels == {
        "logits": "labels-logits.txt",
        "logits_probabilities": "labels-logits.txt",
        "logits_label": "",
        "amount": "",
    }
    assert (folder / "labels-logits.txt").read_text() == "no\nperhaps\nyes\n"


@pytest.mark.parametrize("accelerator", ["cpu", "cuda", "tensorrt"])
def test_accelerators_are_told_what_the_backend_documents(
    every: EveryKind, tmp_path: Path, accelerator: str
) -> None:
    config, _ = repository(
        every, tmp_path, "--accelerator", accelerator, "--max-batch", "8", "--instances", "2"
    )
    assert config.max_batch_size == 8
    (group,) = config.instance_group
    kind = "KIND_CPU" if accelerator == "cpu" else "KIND_GPU"
    assert (group.count, messages.ModelInstanceGroup.Kind.Name(group.kind)) == (2, kind)
    given = config.optimization.execution_accelerators.gpu_execution_accelerator
    if accelerator == "cpu":
        assert config.parameters["intra_op_thread_count"].string_value == "1"
        assert not given
        return
    (one,) = given
    assert one.name == accelerator
    if accelerator == "cuda":
        # Sizes of pictures and texts vary: to search anew for each would be slow.
        assert one.parameters["cudnn_conv_algo_search"] == "HEURISTIC"
        assert one.parameters["use_tf32"] == "0"
    else:
        assert one.parameters["precision_mode"] == "FP32"
        assert one.parameters["trt_engine_cache_enable"] == "true"
        assert "trt_profile_min_shapes" not in one.parameters


def test_tensorrt_builds_one_engine_where_sizes_are_known(trained: Any, tmp_path: Path) -> None:
    out = tmp_path / "flowers"
    given = ["export", str(trained.model), "--target", "triton", "--accelerator", "tensorrt"]
    assert main([*given, "--max-batch", "32", "-o", str(out)]) == 0
    config = read(out / "flowers")
    (one,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    profiles = {k: v for k, v in one.parameters.items() if "profile" in k}
    assert profiles == {
        "trt_profile_min_shapes": "measures:1x4",
        "trt_profile_opt_shapes": "measures:16x4",
        "trt_profile_max_shapes": "measures:32x4",
    }


def test_a_fixed_batch_is_not_batched(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    opset = [helper.make_opsetid("", 20)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "m.onnx")
    out = tmp_path / "out"
    assert main(["export", str(tmp_path / "m.onnx"), "--target", "triton", "-o", str(out)]) == 0
    config = read(out / "model")
    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [2, 3]
    assert not config.HasField("dynamic_batching")


@pytest.mark.parametrize("text", ['a"b\\c', "new\nline", "Łódź", "\x00\x7f", ""])
def test_texts_survive_the_text_form(text: str) -> None:
    read = text_format.Parse(f"name: {quoted(text)}", messages.ModelConfig())
    assert read.name == text


def test_golden_feeds_are_what_the_file_takes(every: EveryKind) -> None:
    session = ort.InferenceSession(every.model, providers=["CPUExecutionProvider"])
    info = ModelInfo.read(session.get_modelmeta().custom_metadata_map, "m")
    inputs = {i.name: (i.type, tuple(i.shape)) for i in session.get_inputs()}
    feeds, again = (golden_feeds(info, inputs, seed=7) for _ in range(2))
    assert all(np.array_equal(feeds[name], again[name]) for name in feeds)
    for value in session.run(None, feeds):
        assert len(value) == 2
    assert feeds["lengths"].tolist() == [7, 5]
    assert feeds["padding"].sum() == 2
    assert set(feeds["city"].ravel()) <= {"Rome", "Oslo", "Bonn", "Paris", "Łódź"}
    assert 1 < feeds["numbers"][:, 0].mean() < 9 < feeds["numbers"][:, 2].mean()
