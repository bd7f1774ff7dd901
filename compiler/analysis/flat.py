"""A program without blocks: its layers in the order of execution, its values by full path.

For questions about the network as a whole: what reads this, where does that come from.
"""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.ir.graph import BlockCall, Graph, Node, Parameter, Program, split_path
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import record


@record
class Layer:
    """One application of an op. `parameters` are those that it reads, by state_dict key and
    declaration, the names at the owner's; `own` says that the node made them."""

    path: str
    node: Node
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    parameters: tuple[tuple[str, Parameter], ...]
    own: bool

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(value for _, value in self.inputs)


@record
class Flat:
    """`outputs` are those of the network, by the names that losses use."""

    layers: list[Layer]
    types: dict[str, TensorType]
    outputs: dict[str, str]


def flatten(program: Program) -> Flat:
    """Every layer of a program; those of a block once for each call."""
    flat = Flat([], {}, {})
    main = program.graph
    values = {name: name for name in main.inputs}
    for name in main.inputs:
        flat.types[name] = main.values[name]
    _Flattener(program, flat).run(main, values, "", "", own=True)
    flat.outputs.update((name, values[value]) for name, value in main.outputs)
    return flat


class _Flattener:
    def __init__(self, program: Program, flat: Flat) -> None:
        self.program = program
        self.flat = flat
        self.parameters: dict[str, Parameter] = {}

    def run(
        self, graph: Graph, values: dict[str, str], prefix: str, home: str, *, own: bool
    ) -> None:
        """Adds the layers of a graph. `values` gives the full names of its inputs, and gets
        those of its results; `home` is where its parameters lie, elsewhere than `prefix`
        where the layers of another call are applied again."""
        names = frozenset(node.name for node in graph.nodes)
        for node in graph.nodes:
            inputs = tuple((port, values[value]) for port, value in node.inputs)
            if isinstance(node.op, BlockCall):
                called = self.program.graphs[node.op.graph]
                inner = dict(inputs)
                again = node.op.reuses or node.name
                self.run(
                    called,
                    inner,
                    f"{prefix}{node.name}.",
                    f"{home}{again}.",
                    own=own and not node.op.reuses,
                )
                for mine, (_, theirs) in zip(node.outputs, called.outputs, strict=True):
                    values[mine] = inner[theirs]
                continue
            for value in node.outputs:
                values[value] = f"{prefix}{value}"
                self.flat.types[values[value]] = graph.values[value]
            self.flat.layers.append(
                Layer(
                    f"{prefix}{node.name}",
                    node,
                    inputs,
                    tuple(values[value] for value in node.outputs),
                    tuple(self._read(node, names, home)),
                    own and bool(node.parameters),
                )
            )

    def _read(self, node: Node, names: frozenset[str], home: str) -> list[tuple[str, Parameter]]:
        found = [(f"{home}{node.name}.{p.name}", p) for p in node.parameters]
        self.parameters.update(found)
        for _, path in node.shared:
            # The owner stands above, in this graph or in a block that it calls.
            layer, name = split_path(path, names)
            key = f"{home}{layer}.{name}"
            if key in self.parameters:
                found.append((key, self.parameters[key]))
        return found


def producers(flat: Flat) -> Mapping[str, Layer]:
    """The layer that gives each value."""
    return {value: layer for layer in flat.layers for value in layer.outputs}


def readers(flat: Flat) -> Mapping[str, list[int]]:
    """The places, in `layers`, of those that read each value."""
    found: dict[str, list[int]] = {}
    for place, layer in enumerate(flat.layers):
        for value in dict.fromkeys(layer.values):
            found.setdefault(value, []).append(place)
    return found
