"""Calls of one block that follow each other and differ in nothing, found to be drawn once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dlc.compiler.ir.graph import BlockCall, Graph, Node
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Run:
    """The nodes of one box: calls alike in a chain, or a single node. `tied` is whether each
    after the first applies the layers of the first."""

    nodes: tuple[Node, ...]
    tied: bool = False

    @property
    def first(self) -> Node:
        return self.nodes[0]

    @property
    def last(self) -> Node:
        return self.nodes[-1]


def runs(graph: Graph, readers: Mapping[str, int]) -> Iterator[Run]:
    """The nodes of a graph in runs. `readers` counts how often each value is read, outputs of
    the graph included."""
    chain: list[Node] = []
    ties: list[bool] = []
    for node in graph.nodes:
        if chain and _goes_on(chain, node, readers):
            tied = isinstance(node.op, BlockCall) and bool(node.op.reuses)
            if not ties or ties[0] is tied:
                ties.append(tied)
                chain.append(node)
                continue
        if chain:
            yield Run(nodes=tuple(chain), tied=bool(ties and ties[0]))
        chain, ties = [node], []
    if chain:
        yield Run(nodes=tuple(chain), tied=bool(ties and ties[0]))


def spelled_out(run: Run, called: Graph, types: Mapping[str, TensorType], name: str) -> Graph:
    """A graph of the calls of a run, with the ports of their block. `types` are those of the
    values where the run stands."""
    made: set[str] = set()
    values = {port: types[value] for port, value in run.first.inputs}
    nodes: list[Node] = []
    for node in run.nodes:
        inputs = tuple((port, v if v in made else port) for port, v in node.inputs)
        made.update(node.outputs)
        values.update((value, types[value]) for value in node.outputs)
        nodes.append(replace(node, inputs=inputs))
    names = (output for output, _ in called.outputs)
    return Graph(
        name=name,
        block=called.block,
        inputs=tuple(port for port, _ in run.first.inputs),
        outputs=tuple(zip(names, run.last.outputs, strict=True)),
        nodes=tuple(nodes),
        values=values,
        arguments=called.arguments,
    )


def _goes_on(chain: list[Node], node: Node, readers: Mapping[str, int]) -> bool:
    """Whether a call does to the results of the one before it what that did to those of the
    one before, and nobody else reads these."""
    first, previous = chain[0], chain[-1]
    if not isinstance(node.op, BlockCall) or not isinstance(previous.op, BlockCall):
        return False
    if node.op.graph != previous.op.graph or len(node.inputs) != len(previous.inputs):
        return False
    if node.op.reuses and node.op.reuses != first.name:
        return False
    if isinstance(first.op, BlockCall) and first.op.reuses:
        return False
    made = {value: i for i, value in enumerate(previous.outputs)}
    wiring = [(port, made.get(value, -1)) for port, value in node.inputs]
    if all(index < 0 for _, index in wiring):
        return False
    for (port, value), (first_port, first_value) in zip(node.inputs, first.inputs, strict=True):
        if port != first_port or (value not in made and value != first_value):
            return False
    if len(chain) > 1:
        before = {value: i for i, value in enumerate(chain[-2].outputs)}
        if wiring != [(port, before.get(value, -1)) for port, value in previous.inputs]:
            return False
    read = [value for _, value in node.inputs if value in made]
    return all(readers.get(value, 0) == read.count(value) for value in previous.outputs)
