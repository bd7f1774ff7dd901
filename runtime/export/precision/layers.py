"""Which layer of the spec a node of the file belongs to, and what types its values have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import onnx
from onnx import ModelProto, NodeProto, TensorProto

# What stands round the network: raw columns, class names, the mean of several networks.
_OUTSIDE = ("preprocess.", "postprocess.", "combine.", "sizes/")


class Lowering(Protocol):
    """A number format that layers can be brought to.

    `model` is the file in float32, `layers` are those that have a form in it, in the order of
    the file. `convert` gives the file in which some of them have it; `twin` one that computes on
    any machine what that file computes on one with kernels for it.
    """

    model: ModelProto
    layers: tuple[str, ...]

    def convert(self, layers: frozenset[str]) -> ModelProto: ...

    def twin(self, converted: ModelProto) -> ModelProto: ...


def layer_of(node: NodeProto) -> str:
    """`encoder.0.conv` of `encoder.0.conv/Conv`; empty for what is not the network's."""
    if node.name.startswith(_OUTSIDE):
        return ""
    return str(node.name).rpartition("/")[0]


def element_types(model: ModelProto) -> dict[str, int]:
    """The element type of every value that onnx can infer."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    found = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.HasField("tensor_type"):
            found[value.name] = value.type.tensor_type.elem_type
    return found


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    found = (a for a in node.attribute if a.name == name)
    return next((onnx.helper.get_attribute_value(a) for a in found), default)


def copied(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def names_of(types: Mapping[str, int], element: int) -> frozenset[str]:
    return frozenset(name for name, found in types.items() if found == element)


FLOAT = TensorProto.FLOAT
