"""Nodes that compute the same from the same are one: masks and sizes that every layer of a
stack works out for itself."""

from __future__ import annotations

from dataclasses import replace

from dlc.compiler.codegen.onnx_graph import OnnxGraph
from dlc.compiler.codegen.onnx_nodes import OnnxNode

# What differs each time that it runs.
_RANDOM = ("Bernoulli", "Dropout", "Multinomial", "Random")


def merge_equal_nodes(graph: OnnxGraph) -> OnnxGraph:
    """The graph with each of several equal nodes but the first left out. Nodes whose results
    are outputs stay, as those have names of their own."""
    constants = {
        # `repr` tells 1 from 1.0 and 0.0 from -0.0.
        constant.name: (repr(constant.values), constant.dtype, constant.shape)
        for constant in graph.constants
    }
    public = {name for name, _ in graph.outputs}
    first: dict[object, OnnxNode] = {}
    renamed: dict[str, str] = {}
    left: list[OnnxNode] = []
    for node in graph.nodes:
        inputs = tuple(renamed.get(value, value) for value in node.inputs)
        node = replace(node, inputs=inputs)
        attributes = tuple(
            (name, repr(value)) for name, value in sorted(node.attributes, key=_name)
        )
        given = tuple(constants.get(value, value) for value in inputs)
        key = (node.op_type, node.domain, given, attributes, len(node.outputs))
        if node.op_type.startswith(_RANDOM) or public.intersection(node.outputs):
            left.append(node)
        elif key in first:
            renamed.update(zip(node.outputs, first[key].outputs, strict=True))
        else:
            first[key] = node
            left.append(node)
    layers = {
        path: replace(found, value=renamed.get(found.value, found.value))
        for path, found in graph.layers.items()
    }
    return replace(graph, nodes=tuple(left), layers=layers)


def _name(attribute: tuple[str, object]) -> str:
    return attribute[0]
