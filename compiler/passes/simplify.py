"""What is done to every ONNX graph before its numbers are filled in."""

from __future__ import annotations

from dlc.compiler.codegen.onnx_graph import OnnxGraph
from dlc.compiler.passes.drop_unread import drop_unread
from dlc.compiler.passes.fold_batch_norm import fold_batch_norms
from dlc.compiler.passes.merge_equal import merge_equal_nodes


def simplify(graph: OnnxGraph) -> OnnxGraph:
    """A graph with fewer nodes that computes the same, but for rounding where norms are folded."""
    return drop_unread(merge_equal_nodes(fold_batch_norms(graph)))
