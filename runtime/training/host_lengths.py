"""Which lengths stay on the host: packing a sequence wants them there, and fetching them
from an accelerator would make every step wait for it."""

from __future__ import annotations

from dlc.compiler.ir.graph import BlockCall, Graph, Program
from dlc.compiler.ops._recurrent import Recurrent


def host_lengths(program: Program) -> frozenset[str]:
    """The inputs that nothing takes but recurrent layers, as the lengths of their rows."""
    graph = program.graph
    return frozenset(name for name in graph.inputs if _only_lengths(program, graph, name))


def _only_lengths(program: Program, graph: Graph, value: str) -> bool:
    if any(given == value for _, given in graph.outputs):
        return False
    used = False
    for node in graph.nodes:
        for place, (port, given) in enumerate(node.inputs):
            if given != value:
                continue
            used = True
            if isinstance(node.op, BlockCall):
                called = program.graphs[node.op.graph]
                inner = port if port in called.inputs else called.inputs[place]
                if not _only_lengths(program, called, inner):
                    return False
            elif not isinstance(node.op, Recurrent) or port != "lengths":
                return False
    return used
