"""Constants and weights that no node reads any more leave the file."""

from __future__ import annotations

from dataclasses import replace

from dlc.compiler.codegen.onnx_graph import OnnxGraph


def drop_unread(graph: OnnxGraph) -> OnnxGraph:
    """The graph without them."""
    read = {value for node in graph.nodes for value in node.inputs}
    read.update(name for name, _ in graph.outputs)
    return replace(
        graph,
        constants=tuple(constant for constant in graph.constants if constant.name in read),
        weights=tuple(weight for weight in graph.weights if weight.name in read),
    )
