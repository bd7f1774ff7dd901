"""The ONNX file of a hand-built program: names, structure and numbers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_programs import (
    Dense,
    Dropped,
    Inexpressible,
    Lookup,
    Relu,
    Reshaped,
    Sizes,
    graph,
    node,
    program,
)

from dlc.compiler.codegen.onnx_graph import Pipeline, lower
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import BlockCall, Node
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.runtime.export.onnx_builder import export_program

N, T = symbol("N"), symbol("T")
RNG = np.random.default_rng(0)


def run(model, **feeds):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)


def draw(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def mlp():
    return program(
        {"x": float_tensor(N, 4)},
        (
            node("hidden", Dense(out=3), "x", outputs=("a",)),
            node("relu", Relu(), "a", outputs=("b",)),
            node("drop", Dropped(), "b", outputs=("c",)),
            node("logits", Dense(out=2), "c", outputs=("d",)),
        ),
        {"logits": "d"},
    )


def mlp_state():
    return {
        "hidden.weight": draw(3, 4),
        "hidden.bias": draw(3),
        "logits.weight": draw(2, 3),
        "logits.bias": draw(2),
        "hidden.num_batches_tracked": np.array(7),
    }


def test_a_network_computes_what_its_weights_say_for_any_batch():
    state = mlp_state()
    model = export_program(mlp(), state)
    for batch in (1, 5):
        x = draw(batch, 4)
        hidden = np.maximum(x @ state["hidden.weight"].T + state["hidden.bias"], 0)
        expected = hidden @ state["logits.weight"].T + state["logits.bias"]
        np.testing.assert_allclose(run(model, x=x)[0], expected, rtol=1e-5, atol=1e-6)


def test_names_are_those_of_the_spec_and_dropout_is_gone():
    model = export_program(mlp(), mlp_state())
    assert [n.name for n in model.graph.node] == [
        "hidden/MatMul",
        "hidden/Add",
        "relu/Relu",
        "logits/MatMul",
        "logits/Add",
    ]
    assert [i.name for i in model.graph.input] == ["x"]
    assert [o.name for o in model.graph.output] == ["logits"]
    assert {t.name for t in model.graph.initializer} == {
        "hidden.weight",
        "hidden.bias",
        "logits.weight",
        "logits.bias",
    }
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


@pytest.mark.parametrize(("opset", "ir"), [(20, 9), (21, 10), (22, 10), (23, 11)])
def test_opset_and_ir_version_are_pinned_together(opset, ir):
    model = export_program(mlp(), mlp_state(), opset)
    assert model.ir_version == ir
    assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)]
    run(model, x=draw(2, 4))


def test_equal_models_are_equal_bytes():
    state = mlp_state()
    one = export_program(mlp(), state, metadata={"b": "2", "a": "1"})
    two = export_program(mlp(), state, metadata={"a": "1", "b": "2"})
    assert one.SerializeToString() == two.SerializeToString()
    assert one.producer_name == "dlc"


def test_a_block_called_twice_is_inlined_under_the_names_of_its_calls():
    block = graph("Block", {"x": float_tensor(N, 4)}, (node("fc", Dense(out=4), "x"),), {"y": "fc"})
    network = program(
        {"x": float_tensor(N, 4)},
        (
            node("stage.0", BlockCall("Block", "Block"), "x", outputs=("a",)),
            node("stage.1", BlockCall("Block", "Block"), "a", outputs=("b",)),
        ),
        {"y": "b"},
        block,
    )
    state = {f"stage.{i}.fc.{n}": draw(*s) for i in (0, 1) for n, s in PARAMETERS.items()}
    model = export_program(network, state)
    assert [n.name for n in model.graph.node] == [
        "stage.0.fc/MatMul",
        "stage.0.fc/Add",
        "stage.1.fc/MatMul",
        "stage.1.fc/Add",
    ]
    x = draw(3, 4)
    expected = x
    for i in (0, 1):
        expected = expected @ state[f"stage.{i}.fc.weight"].T + state[f"stage.{i}.fc.bias"]
    np.testing.assert_allclose(run(model, x=x)[0], expected, rtol=1e-4, atol=1e-5)


PARAMETERS = {"weight": (4, 4), "bias": (4,)}


def test_tied_weights_are_one_initializer():
    tied = Node(
        name="logits",
        op=Dense(out=7),
        inputs=(("x", "e"),),
        outputs=("y",),
        shared=(("weight", "tok.weight"),),
    )
    network = program(
        {"tokens": int_tensor(N, T)},
        (node("tok", Lookup(count=7, width=4), "tokens", outputs=("e",)), tied),
        {"logits": "y"},
    )
    state = {"tok.weight": draw(7, 4), "logits.bias": draw(7)}
    model = export_program(network, state)
    assert [t.name for t in model.graph.initializer] == ["tok.weight", "logits.bias"]
    tokens = np.array([[1, 6, 0]])
    expected = state["tok.weight"][tokens] @ state["tok.weight"].T + state["logits.bias"]
    np.testing.assert_allclose(run(model, tokens=tokens)[0], expected, rtol=1e-5, atol=1e-6)


def test_symbolic_sizes_are_computed_from_the_inputs():
    dims = (N, T, 2 * T + N, (T + 3) // 4, (3 * T - 1) // 2 - N, N * T, 5)
    network = program(
        {"x": float_tensor(N, T)},
        (node("sizes", Sizes(dims=dims), "x", outputs=tuple("abcdefg")),),
        {f"out_{name}": name for name in "abcdefg"},
    )
    model = export_program(network, {})
    for n, t in ((1, 3), (4, 9)):
        values = run(model, x=np.zeros((n, t), np.float32))
        assert [int(v) for v in values] == [
            n,
            t,
            2 * t + n,
            (t + 3) // 4,
            (3 * t - 1) // 2 - n,
            n * t,
            5,
        ]
    shapes = [n for n in model.graph.node if n.op_type == "Shape"]
    assert len(shapes) == 2, "each symbol is read once"


def test_a_size_that_stands_alone_in_no_shape_is_solved():
    network = program(
        {"x": float_tensor(N, 2 * T + 1)},
        (node("sizes", Sizes(dims=(T,)), "x", outputs=("a",)),),
        {"t": "a"},
    )
    assert int(run(export_program(network, {}), x=np.zeros((2, 11), np.float32))[0]) == 5


def test_a_reshape_to_several_unknown_sizes_runs():
    network = program(
        {"x": float_tensor(N, T, 6)},
        (node("heads", Reshaped(to=float_tensor(N, T, 2, 3)), "x"),),
        {"y": "heads"},
    )
    assert run(export_program(network, {}), x=draw(2, 5, 6))[0].shape == (2, 5, 2, 3)


def test_raw_bytes_are_cast_and_brought_into_the_declared_shape():
    network = program(
        {"image": float_tensor(N, 1, 2, 2)},
        (node("relu", Relu(), "image", outputs=("y",)),),
        {"y": "y"},
    )
    pipeline = Pipeline(raw={"image": TensorType(DType.UINT8, (N, 4))})
    model = export_program(network, {}, pipeline=pipeline)
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)
    np.testing.assert_array_equal(run(model, image=pixels)[0], pixels.reshape(2, 1, 2, 2))
    assert [n.name for n in model.graph.node][:2] == [
        "preprocess.image/Cast",
        "preprocess.image/Reshape",
    ]


def test_a_dim_that_is_closed_has_its_size_in_the_file():
    model = export_program(mlp(), mlp_state(), pipeline=Pipeline(fixed={"N": 3}))
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_value == 3


def test_an_output_that_is_an_input_or_leaves_twice_gets_its_own_name():
    network = program(
        {"x": float_tensor(N, 4)},
        (node("relu", Relu(), "x", outputs=("a",)),),
        {"same": "x", "one": "a", "two": "a"},
    )
    x = draw(2, 4)
    same, one, two = run(export_program(network, {}), x=x)
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(one, np.maximum(x, 0))
    np.testing.assert_array_equal(two, one)


def test_an_output_with_the_name_of_an_input_is_a_collision():
    network = program(
        {"x": float_tensor(N, 4)}, (node("relu", Relu(), "x", outputs=("a",)),), {"x": "a"}
    )
    with pytest.raises(DiagnosticError) as caught:
        lower(network)
    assert caught.value.diagnostics[0].code.number == "E0501"


def test_what_onnx_cannot_express_names_the_layer():
    block = graph(
        "Block", {"x": float_tensor(N, 4)}, (node("odd", Inexpressible(), "x"),), {"y": "odd"}
    )
    network = program(
        {"x": float_tensor(N, 4)},
        (node("body", BlockCall("Block", "Block"), "x", outputs=("a",)),),
        {"y": "a"},
        block,
    )
    with pytest.raises(DiagnosticError) as caught:
        lower(network)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code.number == "E0614"
    assert diagnostic.notes == ("in layer `body.odd`",)
    assert diagnostic.help == "use something else"
