"""Programs built by hand, for tests of what works on the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dlc.compiler.ir.graph import BlockCall, Graph, Node, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops.base import Op


class Builder:
    """One graph in the making. `apply` gives the value of the first result."""

    def __init__(self, block: str = "", name: str = "", **arguments: object) -> None:
        self.block = block
        self.name = name or block
        self.arguments = tuple(arguments.items())
        self.inputs: list[str] = []
        self.outputs: list[tuple[str, str]] = []
        self.nodes: list[Node] = []
        self.values: dict[str, TensorType] = {}
        self._counts: dict[str, int] = {}

    def input(self, name: str, type: TensorType) -> str:
        self.inputs.append(name)
        self.values[name] = type
        return name

    def output(self, name: str, value: str) -> None:
        self.outputs.append((name, value))

    def _name(self, kind: str, name: str | None, turn: str) -> str:
        if name is None:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            name = kind if number == 1 else f"{kind}_{number}"
        return name + turn

    def apply(
        self,
        op: Op,
        *values: str,
        name: str | None = None,
        layer: str | None = None,
        shared: Mapping[str, str] | None = None,
        init: Mapping[str, object] | None = None,
        results: tuple[str, ...] = (),
        **ports: str,
    ) -> str:
        """`name` is the author's, `layer` one that was made up: `conv2d.0`."""
        declared = op.ports
        names = [declared[0].name] * len(values) if declared[0].variadic else None
        inputs = [
            ((names or [p.name for p in declared])[i], value) for i, value in enumerate(values)
        ]
        inputs += list(ports.items())
        own = layer or self._name(op.name, name, "")
        node = Node(
            name=own,
            op=op,
            inputs=tuple(inputs),
            outputs=(own,),
            named=name is not None,
            shared=tuple((shared or {}).items()),
        )
        types = self.finish().node_inputs(node)
        found = op.result_types(types)
        parameters = tuple(
            replace(p, initializer=(init or {}).get(p.name, p.initializer))
            for p in op.parameters(types)
            if p.name not in (shared or {})
        )
        extra = [
            results[i] if i < len(results) else f"{own}:{r}"
            for i, r in enumerate(op.result_names(len(found)))
        ]
        outputs = (own, *extra[1:])
        self.nodes.append(replace(node, outputs=outputs, parameters=parameters))
        self.values |= dict(zip(outputs, found, strict=True))
        return own

    def call(
        self, graph: Graph, *values: str, name: str | None = None, layer: str | None = None
    ) -> str:
        own = layer or self._name(graph.block.lower(), name, "")
        found = [graph.values[value] for _, value in graph.outputs]
        outputs = [own, *(f"{own}:{o}" for o, _ in graph.outputs[1:])]
        self.nodes.append(
            Node(
                name=own,
                op=BlockCall(graph.name, graph.block),
                inputs=tuple(zip(graph.inputs, values, strict=True)),
                outputs=tuple(outputs),
                named=name is not None,
            )
        )
        self.values |= dict(zip(outputs, found, strict=True))
        return own

    def finish(self) -> Graph:
        return Graph(
            name=self.name,
            block=self.block,
            inputs=tuple(self.inputs),
            outputs=tuple(self.outputs),
            nodes=tuple(self.nodes),
            values=self.values,
            arguments=self.arguments,
        )


def program(main: Builder, *blocks: Graph, **targets: TensorType) -> Program:
    graphs = {graph.name: graph for graph in (*blocks, main.finish())}
    return Program(name=main.name, graphs=graphs, main=main.name, targets=tuple(targets.items()))
