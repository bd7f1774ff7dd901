"""An `OnnxGraph` and the trained numbers, made into an ONNX model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import IO

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from dlc.compiler.codegen.onnx_graph import DEFAULT_OPSET, OnnxGraph, Pipeline, lower
from dlc.compiler.codegen.onnx_nodes import OnnxConstant, OnnxNode, Recipe
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.protocols import Attribute, Weight
from dlc.compiler.ir.types import TensorType
from dlc.compiler.version import VERSION
from dlc.runtime.export.weights import Array, evaluate, numpy_dtype

# The oldest IR version that carries an opset: older runtimes refuse a newer one
# ("Unsupported model IR version"), and onnx's own default does not load in onnxruntime.
IR_VERSIONS = {20: 9, 21: 10, 22: 10, 23: 11}
# The oldest version that has all that we write; 1 for a domain that is not here.
_DOMAIN_VERSIONS = {"ai.onnx.ml": 2}


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
    graph: OnnxGraph,
    state: Mapping[str, Array],
    metadata: Mapping[str, str],
    outside: OutsideWeights | None = None,
) -> ModelProto:
    """The model of a lowered graph, with pinned opset and IR version. Large weights go to
    `outside`, where it is given."""
    model = ModelProto(
        ir_version=IR_VERSIONS[graph.opset],
        producer_name="dlc",
        producer_version=VERSION,
        opset_import=_opsets(graph),
    )
    # Filled in place: handing over a finished message copies all of its weights.
    proto = model.graph
    proto.name = graph.name
    proto.input.extend(_value(name, type_) for name, type_ in graph.inputs)
    proto.output.extend(_value(name, type_) for name, type_ in graph.outputs)
    proto.node.extend(_node(node, state) for node in graph.nodes)
    for constant in graph.constants:
        _fill_constant(proto.initializer.add(), constant)
    for weight in graph.weights:
        array = evaluate(weight.recipe, state)
        tensor = proto.initializer.add()
        if outside is None or not outside.take(tensor, weight.name, array):
            _fill(tensor, weight.name, array)
    set_metadata(model, metadata)
    return model


class OutsideWeights:
    """A file beside the model for weights that one ONNX file cannot hold: protobuf ends at
    2 GiB. Offsets are multiples of a page, so that a runtime can map the file."""

    _SMALLEST = 1024
    _PAGE = 4096

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0

    def take(self, tensor: TensorProto, name: str, array: Array) -> bool:
        """Writes a weight and makes `tensor` its entry; False for one that is small."""
        if array.nbytes < self._SMALLEST:
            return False
        self._write(bytes(-self._size % self._PAGE))
        _describe(tensor, name, array)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="")
        tensor.external_data.add(key="offset", value=str(self._size))
        tensor.external_data.add(key="length", value=str(array.nbytes))
        self._write(_little_endian(array).reshape(-1).view(np.uint8).data)
        return True

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def set_location(model: ModelProto, location: str) -> None:
    """Names the file that the outside weights of a model are in."""
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location


def set_metadata(model: ModelProto, metadata: Mapping[str, str]) -> None:
    """Replaces the model's metadata, in sorted order so that equal models are equal files."""
    del model.metadata_props[:]
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)


def _opsets(graph: OnnxGraph) -> list[onnx.OperatorSetIdProto]:
    others = sorted({node.domain for node in graph.nodes if node.domain})
    versions = (helper.make_opsetid(d, _DOMAIN_VERSIONS.get(d, 1)) for d in others)
    return [helper.make_opsetid("", graph.opset), *versions]


def _value(name: str, type_: TensorType) -> ValueInfoProto:
    shape = [dim if isinstance(dim, int) else str(dim) for dim in type_.shape]
    return helper.make_tensor_value_info(name, type_.dtype.onnx, shape)


def _node(node: OnnxNode, state: Mapping[str, Array]) -> NodeProto:
    proto = NodeProto(
        op_type=node.op_type,
        name=node.name,
        domain=node.domain,
        input=node.inputs,
        output=node.outputs,
    )
    for name, value in node.attributes:
        given = evaluate(value, state).tolist() if isinstance(value, Recipe) else value
        proto.attribute.append(_attribute(name, given))
    return proto


def _attribute(name: str, value: Attribute) -> AttributeProto:
    # helper.make_attribute guesses; an op's types are known, and guessing is the slow part.
    assert not isinstance(value, Weight)
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


def _fill_constant(tensor: TensorProto, constant: OnnxConstant) -> None:
    array = np.array(constant.values, dtype=numpy_dtype(constant.dtype))
    _fill(tensor, constant.name, array.reshape(constant.shape))


def _fill(tensor: TensorProto, name: str, array: Array) -> None:
    if array.dtype.kind in "OUS":
        tensor.name = name
        tensor.data_type = TensorProto.STRING
        tensor.dims.extend(array.shape)
        tensor.string_data.extend(str(value).encode() for value in array.reshape(-1))
        return
    _describe(tensor, name, array)
    tensor.raw_data = _little_endian(array).tobytes()


def _describe(tensor: TensorProto, name: str, array: Array) -> None:
    tensor.name = name
    tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor.dims.extend(array.shape)


def _little_endian(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
