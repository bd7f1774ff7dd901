"""Layers in float16 and bfloat16: where casts stand, what stays float32, what is rounded."""

from __future__ import annotations

from collections import Counter

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlc.runtime.export.precision.half import HalfLowering, emulated, reference_differs
from dlc.runtime.export.precision.layers import element_types

RNG = np.random.default_rng(0)
W = RNG.standard_normal((6, 5)).astype(np.float32)
V = RNG.standard_normal((5, 5)).astype(np.float32)


def model(nodes, weights, outputs=("y",), sizes=5):
    """Nodes are (op, name, inputs, outputs, attributes)."""
    made = [
        helper.make_node(op, inputs, results, name=name, **attributes)
        for op, name, inputs, results, attributes in nodes
    ]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6])],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, ["N", sizes]) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in weights.items()],
    )
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(found, full_check=True)
    return found


def run(found, x):
    session = onnxruntime.InferenceSession(
        found.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})


CHAIN = [
    ("Sub", "preprocess.x.0/Sub", ["x", "mean"], ["centred"], {}),
    ("MatMul", "one/MatMul", ["centred", "one.weight"], ["a"], {}),
    ("Relu", "active/Relu", ["a"], ["b"], {}),
    ("MatMul", "two/MatMul", ["b", "two.weight"], ["c"], {}),
    ("Softmax", "soft/Softmax", ["c"], ["d"], {}),
    ("MatMul", "three/MatMul", ["d", "two.weight"], ["y"], {}),
]
WEIGHTS = {"mean": np.full(6, 1000, np.float32), "one.weight": W, "two.weight": V}


def test_casts_stand_where_formats_meet_and_outputs_keep_their_type():
    lowering = HalfLowering(model(CHAIN, WEIGHTS), "fp16")
    assert lowering.layers == ("one", "active", "two", "three")
    found = lowering.convert(frozenset(lowering.layers))
    onnx.checker.check_model(found, full_check=True)
    kinds = Counter(node.op_type for node in found.graph.node)
    # Before `one`, round the softmax, and before the output.
    assert kinds["Cast"] == 4
    types = element_types(found)
    assert types["centred"] == types["d"] == types["y"] == TensorProto.FLOAT
    assert types["a"] == types["b"] == types["c"] == TensorProto.FLOAT16
    stored = {tensor.name: tensor.data_type for tensor in found.graph.initializer}
    assert stored == {
        "mean": TensorProto.FLOAT,
        "one.weight": TensorProto.FLOAT16,
        "two.weight": TensorProto.FLOAT16,
    }
    x = (1000 + RNG.standard_normal((4, 6))).astype(np.float32)
    (half,), (exact,) = run(found, x), run(lowering.model, x)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - exact).max() < 5e-3


def test_only_chosen_layers_are_brought_down():
    lowering = HalfLowering(model(CHAIN, WEIGHTS), "fp16")
    found = lowering.convert(frozenset({"two"}))
    types = element_types(found)
    assert types["a"] == types["b"] == TensorProto.FLOAT
    assert types["c"] == TensorProto.FLOAT16
    # Two small copies, since both formats read it.
    stored = {tensor.name: tensor.data_type for tensor in found.graph.initializer}
    assert stored["two.weight"] == TensorProto.FLOAT
    assert stored["two.weight:fp16"] == TensorProto.FLOAT16
    run(found, np.zeros((2, 6), np.float32))
    # The model that it is made of is as it was.
    assert not {n.op_type for n in lowering.model.graph.node} & {"Cast"}


def test_a_value_that_two_layers_read_is_cast_once():
    nodes = [
        ("MatMul", "one/MatMul", ["x", "one.weight"], ["a"], {}),
        ("Neg", "two/Neg", ["x"], ["unused"], {}),
        ("MatMul", "three/MatMul", ["x", "one.weight"], ["y"], {}),
    ]
    lowering = HalfLowering(model(nodes, {"one.weight": W}, ("y", "a")), "fp16")
    found = lowering.convert(frozenset(lowering.layers))
    casts = [node for node in found.graph.node if node.op_type == "Cast"]
    assert [list(node.input) for node in casts].count(["x"]) == 1
    y, a = run(found, np.ones((2, 6), np.float32))
    np.testing.assert_array_equal(y, a)


@pytest.mark.parametrize("number", [1e9, -1e9, 1e-9])
def test_a_number_that_the_format_cannot_hold_keeps_its_node_in_float32(number):
    nodes = [
        ("MatMul", "one/MatMul", ["x", "one.weight"], ["a"], {}),
        ("Add", "shifted/Add", ["a", "number"], ["y"], {}),
    ]
    weights = {"one.weight": W, "number": np.float32(number)}
    assert HalfLowering(model(nodes, weights), "fp16").layers == ("one",)
    assert HalfLowering(model(nodes, weights), "bf16").layers == ("one", "shifted")
    weights["number"] = np.float32("inf")
    assert HalfLowering(model(nodes, weights), "fp16").layers == ("one", "shifted")


def test_an_overflow_of_float16_is_seen_though_the_cpu_would_hide_it():
    nodes = [
        ("MatMul", "one/MatMul", ["x", "large"], ["a"], {}),
        ("MatMul", "two/MatMul", ["a", "small"], ["y"], {}),
    ]
    weights = {"large": np.full((6, 5), 1e4, np.float32), "small": V * 1e-4}
    lowering = HalfLowering(model(nodes, weights), "fp16")
    found = lowering.convert(frozenset(lowering.layers))
    x = np.full((1, 6), 10, np.float32)
    assert np.isfinite(run(found, x)[0]).all()
    assert not np.isfinite(run(lowering.twin(found), x)[0]).any()


def test_bfloat16_is_emulated_by_rounding_and_agrees_with_the_reference():
    lowering = HalfLowering(_short(), "bf16")
    found = lowering.convert(frozenset(lowering.layers))
    with pytest.raises(Exception, match="NOT_IMPLEMENTED"):
        run(found, np.zeros((1, 6), np.float32))
    twin = emulated(found, TensorProto.BFLOAT16)
    x = RNG.standard_normal((3, 6)).astype(np.float32)

    def rounded(value):
        return value.astype(ml_dtypes.bfloat16).astype(np.float32)

    a = rounded(rounded(x) @ rounded(W))
    expected = rounded(rounded(np.maximum(a, 0)) @ rounded(V))
    (y,) = run(twin, x)
    np.testing.assert_allclose(y, expected, rtol=1e-2, atol=1e-6)
    assert (y == rounded(y)).all()
    (plain,) = run(lowering.model, x)
    assert np.abs(plain - y).max() > 1e-3

    def function(feeds):
        return {"y": run(twin, feeds["x"])[0]}

    difference = reference_differs(found, function, [{"x": x}])
    assert difference is not None
    assert difference < 2e-2
    wrong = reference_differs(found, lambda feeds: {"y": 1.5 * function(feeds)["y"]}, [{"x": x}])
    assert wrong is not None
    assert wrong > 0.1


def _short():
    nodes = [
        ("MatMul", "one/MatMul", ["x", "one.weight"], ["a"], {}),
        ("Relu", "active/Relu", ["a"], ["b"], {}),
        ("MatMul", "two/MatMul", ["b", "two.weight"], ["y"], {}),
    ]
    return model(nodes, {"one.weight": W, "two.weight": V})


def test_sizes_of_a_resize_stay_float32():
    nodes = [
        ("MatMul", "one/MatMul", ["x", "one.weight"], ["a"], {}),
        ("Unsqueeze", "up/Unsqueeze", ["a", "axes"], ["b"], {}),
        ("Resize", "up/Resize", ["b", "", "scales"], ["c"], {"mode": "linear"}),
        ("Squeeze", "up/Squeeze", ["c", "axes"], ["y"], {}),
    ]
    weights = {
        "one.weight": W,
        "axes": np.array([1], np.int64),
        "scales": np.array([1, 1, 2], np.float32),
    }
    lowering = HalfLowering(model(nodes, weights, sizes=10), "fp16")
    found = lowering.convert(frozenset(lowering.layers))
    stored = {tensor.name: tensor.data_type for tensor in found.graph.initializer}
    assert stored["scales"] == TensorProto.FLOAT
    (y,) = run(found, np.ones((2, 6), np.float32))
    assert y.shape == (2, 10)
