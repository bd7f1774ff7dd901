"""An `OnnxGraph` and the trained numbers, made into an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx.numpy_helper import from_array

from dlc.compiler.codegen.onnx_graph import DEFAULT_OPSET, OnnxGraph, Pipeline, lower
from dlc.compiler.codegen.onnx_nodes import ONNX_DTYPES, OnnxConstant, OnnxNode
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.protocols import Attribute
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.version import VERSION
from dlc.runtime.export.weights import Array, evaluate, numpy_dtype

# The oldest IR version that carries an opset: older runtimes refuse a newer one
# ("Unsupported model IR version"), and onnx's own default does not load in onnxruntime.
IR_VERSIONS = {20: 9, 21: 10, 22: 10, 23: 11}


def export_program(
    program: Program,
    state: Mapping[str, Array],
    opset: int = DEFAULT_OPSET,
    *,
    pipeline: Pipeline | None = None,
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """The ONNX model of a program with the numbers of `state` (by state_dict key, and
    `preprocess.<input>.<step>.<statistic>`). Nothing is checked or written.

    Raises `DiagnosticError` where ONNX cannot express a layer.
    """
    return build_model(lower(program, opset=opset, pipeline=pipeline), state, metadata or {})


def build_model(
    graph: OnnxGraph, state: Mapping[str, Array], metadata: Mapping[str, str]
) -> ModelProto:
    """The model of a lowered graph, with pinned opset and IR version."""
    proto = onnx.GraphProto(name=graph.name)
    proto.input.extend(_value(name, type_) for name, type_ in graph.inputs)
    proto.output.extend(_value(name, type_) for name, type_ in graph.outputs)
    proto.node.extend(_node(node) for node in graph.nodes)
    proto.initializer.extend(_constant(constant) for constant in graph.constants)
    for weight in graph.weights:
        proto.initializer.append(_tensor(weight.name, evaluate(weight.recipe, state)))
    model = ModelProto(
        ir_version=IR_VERSIONS[graph.opset],
        producer_name="dlc",
        producer_version=VERSION,
        opset_import=_opsets(graph),
        graph=proto,
    )
    set_metadata(model, metadata)
    return model


def set_metadata(model: ModelProto, metadata: Mapping[str, str]) -> None:
    """Replaces the model's metadata, in sorted order so that equal models are equal files."""
    del model.metadata_props[:]
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)


def _opsets(graph: OnnxGraph) -> list[onnx.OperatorSetIdProto]:
    others = sorted({node.domain for node in graph.nodes if node.domain})
    return [helper.make_opsetid("", graph.opset), *(helper.make_opsetid(d, 1) for d in others)]


def _value(name: str, type_: TensorType) -> ValueInfoProto:
    shape = [dim if isinstance(dim, int) else str(dim) for dim in type_.shape]
    return helper.make_tensor_value_info(name, ONNX_DTYPES[type_.dtype], shape)


def _node(node: OnnxNode) -> NodeProto:
    proto = NodeProto(
        op_type=node.op_type,
        name=node.name,
        domain=node.domain,
        input=node.inputs,
        output=node.outputs,
    )
    proto.attribute.extend(_attribute(name, value) for name, value in node.attributes)
    return proto


def _attribute(name: str, value: Attribute) -> AttributeProto:
    # helper.make_attribute guesses; an op's types are known, and guessing is the slow part.
    proto = AttributeProto(name=name)
    if isinstance(value, int):
        proto.type, proto.i = AttributeProto.INT, int(value)
    elif isinstance(value, float):
        proto.type, proto.f = AttributeProto.FLOAT, value
    elif isinstance(value, str):
        proto.type, proto.s = AttributeProto.STRING, value.encode()
    elif all(isinstance(item, int) for item in value):
        proto.type = AttributeProto.INTS
        proto.ints.extend(int(item) for item in value)
    elif all(isinstance(item, str) for item in value):
        proto.type = AttributeProto.STRINGS
        proto.strings.extend(str(item).encode() for item in value)
    else:
        proto.type = AttributeProto.FLOATS
        proto.floats.extend(float(item) for item in value)
    return proto


def _constant(constant: OnnxConstant) -> TensorProto:
    if constant.dtype is DType.STRING:
        return _texts(constant.name, [str(v) for v in constant.values], constant.shape)
    array = np.array(constant.values, dtype=numpy_dtype(constant.dtype))
    return _tensor(constant.name, array.reshape(constant.shape))


def _tensor(name: str, array: Array) -> TensorProto:
    if array.dtype.kind in "OUS":
        return _texts(name, [str(v) for v in array.reshape(-1)], array.shape)
    return from_array(array, name)


def _texts(name: str, values: Sequence[str], shape: Sequence[int]) -> TensorProto:
    return TensorProto(
        name=name,
        data_type=TensorProto.STRING,
        dims=shape,
        string_data=[value.encode() for value in values],
    )
