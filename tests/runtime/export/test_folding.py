"""Batch norms in the layers before them, equal nodes merged, constants computed ahead."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from dlc.compiler import Source, check
from dlc.compiler.cli.main import main
from dlc.runtime.export.constants import fold_constants
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.failures import Failure
from dlc.runtime.inference.features import read_nodes
from dlc.runtime.inference.inner_values import chosen_value

torch = pytest.importorskip("torch")

from dlc.runtime.export.exporter import export_network  # noqa: E402
from dlc.runtime.export.sources import of_spec  # noqa: E402

HEAD = "dlc: 1\nname: Folded\n"


def network(text):
    """With statistics and scales as training leaves them: none is 0 or 1."""
    result = check(Source("spec.yaml", text))
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    found = of_spec(result.compilation)
    torch.manual_seed(1)
    for module in found.module.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            if module.running_mean is not None:
                module.running_mean.normal_()
                module.running_var.uniform_(0.2, 4.0)
            if module.weight is not None:
                torch.nn.init.uniform_(module.weight, 0.3, 2.0)
                torch.nn.init.normal_(module.bias)
    return found


def exported(tmp_path, text, **options):
    found = network(text)
    path = tmp_path / "model.onnx"
    return found, export_network(found, path, **options), onnx.load(path)


def kinds(model):
    return Counter(node.op_type for node in model.graph.node)


def difference(found, path, *shapes):
    """The largest between the file and PyTorch, over all outputs, in units of float64's."""
    inputs = [torch.randn(shape) for shape in shapes]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {i.name: x.numpy() for i, x in zip(session.get_inputs(), inputs, strict=True)}
    names = [output.name for output in session.get_outputs()]
    answers = dict(zip(names, session.run(names, feeds), strict=True))
    module = found.module.eval()
    with torch.no_grad():
        expected = module(*inputs)
    return max(
        float(np.abs(answers[n] - v.numpy()).max() / max(1.0, np.abs(v.numpy()).max()))
        for n, v in expected.items()
    )


CONVOLUTIONS = {
    "plain": ("4, 9, 8", "conv2d: {out_channels: 6, kernel_size: 3}", "batch_norm2d", "Conv"),
    "without a bias": (
        "4, 9, 8",
        "conv2d: {out_channels: 6, kernel_size: 3, bias: false}",
        "batch_norm2d: {eps: 1e-3}",
        "Conv",
    ),
    "grouped": (
        "4, 9, 8",
        "conv2d: {out_channels: 6, kernel_size: 3, groups: 2}",
        "batch_norm2d",
        "Conv",
    ),
    "depthwise": (
        "4, 9, 8",
        "conv2d: {out_channels: 8, kernel_size: 3, groups: 4, padding: same}",
        "batch_norm2d: {affine: false}",
        "Conv",
    ),
    "reflected": (
        "4, 9, 8",
        "conv2d: {out_channels: 6, kernel_size: 3, padding: 1, padding_mode: reflect}",
        "batch_norm2d",
        "Conv",
    ),
    "weight norm": (
        "4, 9, 8",
        "conv2d: {out_channels: 6, kernel_size: 3, weight_norm: true}",
        "batch_norm2d",
        "Conv",
    ),
    "one dim": ("4, 9", "conv1d: {out_channels: 6, kernel_size: 3}", "batch_norm1d", "Conv"),
    "three dims": (
        "4, 5, 6, 5",
        "conv3d: {out_channels: 6, kernel_size: 2}",
        "batch_norm3d",
        "Conv",
    ),
    "transposed": (
        "4, 5, 6",
        "conv_transpose2d: {out_channels: 6, kernel_size: 3, stride: 2}",
        "batch_norm2d",
        "ConvTranspose",
    ),
    "transposed and grouped": (
        "4, 5, 6",
        "conv_transpose2d: {out_channels: 6, kernel_size: 3, stride: 2, groups: 2, bias: false}",
        "batch_norm2d",
        "ConvTranspose",
    ),
    "transposed in one dim": (
        "4, 5",
        "conv_transpose1d: {out_channels: 6, kernel_size: 3, groups: 2}",
        "batch_norm1d",
        "ConvTranspose",
    ),
    "transposed in three dims": (
        "4, 3, 4, 3",
        "conv_transpose3d: {out_channels: 6, kernel_size: 2}",
        "batch_norm3d",
        "ConvTranspose",
    ),
    "linear": ("7", "linear: {out_features: 6}", "batch_norm1d", "Gemm"),
    "linear without a bias": (
        "7",
        "linear: {out_features: 6, bias: false}",
        "batch_norm1d",
        "Gemm",
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_norm_goes_into_the_layer_before_it(tmp_path, name):
    sizes, layer, norm, op = CONVOLUTIONS[name]
    text = f"{HEAD}inputs: {{x: 'float[N, {sizes}]'}}\nlayers:\n  - {layer}\n  - {norm}\n"
    text += "  - relu\n    output: y\n".replace("  - relu\n", "  - relu:\n")
    found, result, model = exported(tmp_path, text)
    assert "BatchNormalization" not in kinds(model)
    assert kinds(model)[op] == 1
    shape = (3, *(int(size) for size in sizes.split(",")))
    assert difference(found, result.path, shape) <= 1e-5
    layer_path, norm_path = layer.split(":")[0], norm.split(":")[0]
    assert dict(result.folded) == {layer_path: norm_path}
    # The node is called after its layer, its weights as in the state_dict.
    node = next(node for node in model.graph.node if node.op_type == op)
    assert node.name == f"{layer_path}/{op}"
    assert list(node.input[1:]) == [f"{layer_path}.weight", f"{layer_path}.bias"]
    stored = {tensor.name for tensor in model.graph.initializer}
    assert not any(tensor.startswith(norm_path) for tensor in stored)

    found, whole, model = exported(tmp_path, text, fold=False)
    assert kinds(model)["BatchNormalization"] == 1
    assert not whole.folded
    assert whole.nodes == result.nodes + 1


KEPT = {
    "read by another layer": """\
inputs: {x: 'float[N, 3, 8, 8]'}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
    name: conv
  - batch_norm2d
    name: norm
  - from: [conv, norm]
    add:
    output: y
""",
    "an output itself": """\
inputs: {x: 'float[N, 3, 8, 8]'}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
    output: z
  - batch_norm2d
    output: y
""",
    "something between": """\
inputs: {x: 'float[N, 3, 8, 8]'}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - batch_norm2d
    output: y
""",
    "without running statistics": """\
inputs: {x: 'float[N, 3, 8, 8]'}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - batch_norm2d: {track_running_stats: false}
    output: y
""",
    "channels that are not the map's": """\
inputs: {x: 'float[N, 4, 5]'}
layers:
  - linear: {out_features: 4}
  - batch_norm1d
    output: y
""",
}


@pytest.mark.parametrize("name", KEPT)
def test_a_norm_stays_where_the_layer_is_wanted_as_it_is(tmp_path, name):
    text = HEAD + KEPT[name].replace("  - batch_norm2d\n", "  - batch_norm2d:\n").replace(
        "  - relu\n", "  - relu:\n"
    ).replace("  - batch_norm1d\n", "  - batch_norm1d:\n")
    found, result, model = exported(tmp_path, text)
    assert not result.folded
    assert kinds(model)["BatchNormalization"] + kinds(model)["InstanceNormalization"] == 1
    sizes = text.split("float[N, ")[1].split("]")[0]
    assert difference(found, result.path, (3, *map(int, sizes.split(",")))) <= 1e-5


SHARED = """\
dlc 1

model Shared {
  input left: float[N, 3, 6, 6]
  input right: float[N, 3, 6, 6]
  conv = left -> conv2d(4, 3)
  a = conv -> batch_norm2d
  b = right -> reuse(conv) -> %s
  output y = a + b
}
"""


@pytest.mark.parametrize("norm", ["batch_norm2d", "reuse(a)", "relu"])
def test_a_weight_that_two_layers_share_is_stored_once(tmp_path, norm):
    """Folded where both readers want it with the same norm, else as it is."""
    result = check(Source("shared.dlc", SHARED % norm, "dlc"))
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    found = of_spec(result.compilation)
    torch.manual_seed(2)
    for module in found.module.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 4.0)
    written = export_network(found, tmp_path / "model.onnx")
    model = onnx.load(written.path)
    large = [t.name for t in model.graph.initializer if onnx.numpy_helper.to_array(t).size == 108]
    assert len(large) == 1
    norms = kinds(model)["BatchNormalization"]
    assert norms == {"batch_norm2d": 2, "reuse(a)": 0, "relu": 1}[norm]
    assert difference(found, written.path, (3, 3, 6, 6), (3, 3, 6, 6)) <= 1e-5


NAMED = """\
inputs: {x: 'float[N, 3, 8, 8]'}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
    name: first
  - batch_norm2d:
    name: norm
  - relu:
    name: active
  - conv2d: {out_channels: 5, kernel_size: 3}
    name: last
  - dropout: 0.5
    name: thinned
  - batch_norm2d:
    output: y
"""


def test_features_of_what_is_left_are_right_and_of_what_is_gone_refused(tmp_path, capsys):
    found, result, _ = exported(tmp_path, HEAD + NAMED)
    nodes, info = read_nodes(result.path)
    assert dict(info.folded) == {"first": "norm", "last": "y", "thinned": "y"}
    assert not {"first", "last", "thinned"} & set(nodes)
    # The last layer with weights is the norm, now in `last`, which takes what `active` gives.
    assert info.features == "active"
    model = onnx.load(result.path)
    model.graph.output.add(name=nodes["norm"].value)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = torch.randn(2, 3, 8, 8)
    (value,) = session.run([nodes["norm"].value], {"x": x.numpy()})
    module = found.module.eval()
    with torch.no_grad():
        expected = module.norm(module.first(x)).numpy()
    np.testing.assert_allclose(value, expected, atol=1e-5, rtol=1e-5)
    with pytest.raises(Failure) as caught:
        chosen_value(nodes, "first", info)
    diagnostic = caught.value.diagnostic
    assert diagnostic.code.number == "E0707"
    assert "folded into `norm`" in diagnostic.message
    assert "--no-fold" in str(diagnostic.help)
    assert main(["features", str(result.path), "--list"]) == 0
    assert "not in the file: folded into `norm`" in capsys.readouterr().out


def test_the_flag_keeps_all_layers(tmp_path, capsys):
    spec = tmp_path / "spec.yaml"
    spec.write_text(HEAD + NAMED)
    out = tmp_path / "model.onnx"
    assert main(["export", str(spec), "--untrained", "-o", str(out)]) == 0
    assert "3 layers are folded" in capsys.readouterr().out
    assert main(["export", str(spec), "--untrained", "-o", str(out), "--no-fold"]) == 0
    assert "folded" not in capsys.readouterr().out
    info = ModelInfo.read({p.key: p.value for p in onnx.load(out).metadata_props}, "")
    assert {"first", "last", "thinned"} <= set(info.nodes)


STACK = """\
dims: {T: 2..12}
inputs: {x: 'float[N, T, 8]'}
layers:
  - repeat: 3
    layers:
      - multihead_attention: {num_heads: 2, is_causal: true}
    output: y
"""


def test_layers_that_work_out_the_same_mask_share_it(tmp_path):
    found, whole, model = exported(tmp_path, HEAD + STACK, fold=False)
    assert kinds(model)["Greater"] == 3
    found, result, model = exported(tmp_path, HEAD + STACK)
    assert kinds(model)["Greater"] == 1
    assert result.nodes < whole.nodes
    assert difference(found, result.path, (2, 7, 8)) <= 1e-5


def test_attention_is_one_node_from_opset_23(tmp_path):
    *_, model = exported(tmp_path, HEAD + STACK, opset=23)
    assert kinds(model)["Attention"] == 3
    assert not kinds(model)["Softmax"]


def test_a_mask_of_known_size_is_computed_ahead(tmp_path):
    text = HEAD + STACK.replace("dims: {T: 2..12}\n", "").replace("N, T, 8", "N, 7, 8")
    found, _, model = exported(tmp_path, text)
    assert not {"Greater", "Range", "Unsqueeze"} & set(kinds(model))
    assert difference(found, tmp_path / "model.onnx", (2, 7, 8)) <= 1e-5
    _, _, model = exported(tmp_path, text, fold=False)
    assert kinds(model)["Greater"] == 3


def model_of(nodes, weights):
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 40])
    outputs = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)]
    tensors = [onnx.numpy_helper.from_array(v, n) for n, v in weights.items()]
    graph = onnx.helper.make_graph(nodes, "g", [x], outputs, tensors)
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9
    )


def test_what_is_made_of_a_tied_weight_is_not_computed_ahead():
    node = onnx.helper.make_node
    table = np.ones((50, 40), np.float32)
    nodes = [
        node("Transpose", ["table"], ["turned"], perm=(1, 0)),
        node("MatMul", ["x", "turned"], ["wide"]),
        node("MatMul", ["wide", "table"], ["y"]),
    ]
    assert fold_constants(model_of(nodes, {"table": table}), {"table"}) == 0
    alone = model_of([nodes[0], node("MatMul", ["x", "turned"], ["y"])], {"table": table})
    assert fold_constants(alone, {"table"}) == 1
    assert [(t.name, list(t.dims)) for t in alone.graph.initializer] == [("turned", [40, 50])]


def test_a_constant_that_would_be_large_is_made_when_the_model_runs():
    node = onnx.helper.make_node
    nodes = [node("Expand", ["one", "sizes"], ["many"]), node("MatMul", ["x", "many"], ["y"])]
    weights = {"one": np.ones((1, 1), np.float32), "sizes": np.array([40, 4000], np.int64)}
    assert fold_constants(model_of(nodes, weights), set()) == 0
