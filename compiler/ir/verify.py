"""What must hold of every program, whoever made it: the lowering, a pass, a text."""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.ir.graph import (
    BlockCall,
    Graph,
    Node,
    Operation,
    Parameter,
    Program,
    split_path,
)
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import record


@record
class Problem:
    """Something that does not hold, in a node of a graph, or in the graph where `node` is
    empty."""

    graph: str
    node: str
    message: str

    def __str__(self) -> str:
        where = f"`{self.node}` of `{self.graph}`" if self.node else f"graph `{self.graph}`"
        return f"{where}: {self.message}"


def verify(program: Program) -> tuple[Problem, ...]:
    """Everything that does not hold.

    Names of layers and of values are unique within a graph; a value is used after it is
    made; values have the types that the ops give; parameters are those that the ops
    declare; calls match the graphs they run, which stand before; outputs exist.
    """
    return tuple(_Verifier(program).run())


class _Verifier:
    def __init__(self, program: Program) -> None:
        self._program = program

    def run(self) -> Iterator[Problem]:
        program = self._program
        if program.main not in program.graphs:
            yield Problem(program.main, "", "the program has no such graph")
            return
        before: set[str] = set()
        for name, graph in program.graphs.items():
            if graph.name != name:
                yield Problem(name, "", f"it is called `{graph.name}` itself")
            for node, message in self._graph(graph, before):
                yield Problem(name, node, message)
            before.add(name)
        outputs = [name for name, _ in program.graph.outputs]
        if not outputs:
            yield Problem(program.main, "", "it has no output")

    def _graph(self, graph: Graph, before: set[str]) -> Iterator[tuple[str, str]]:
        known: set[str] = set()
        for value in graph.inputs:
            if value in known:
                yield "", f"two inputs are called `{value}`"
            if value not in graph.values:
                yield "", f"the input `{value}` has no type"
            known.add(value)
        nodes: dict[str, Node] = {}
        for node in graph.nodes:
            if node.name in nodes:
                yield node.name, "another layer has this name"
            sound = True
            for port, value in node.inputs:
                if value not in known:
                    sound = False
                    yield node.name, f"`{port}` reads `{value}`, which is not made before"
            for value in node.outputs:
                if value in known:
                    yield node.name, f"the value `{value}` is made twice"
                if value not in graph.values:
                    sound = False
                    yield node.name, f"the value `{value}` has no type"
                known.add(value)
            if sound and all(value in graph.values for _, value in node.inputs):
                for message in self._node(graph, node, nodes, before):
                    yield node.name, message
            nodes[node.name] = node
        for value in graph.values:
            if value not in known:
                yield "", f"the value `{value}` has a type, and nothing makes it"
        names = [name for name, _ in graph.outputs]
        for name, value in graph.outputs:
            if names.count(name) > 1:
                yield "", f"two outputs are called `{name}`"
            if value not in known:
                yield "", f"the output `{name}` is `{value}`, which nothing makes"

    def _node(
        self, graph: Graph, node: Node, nodes: dict[str, Node], before: set[str]
    ) -> Iterator[str]:
        if isinstance(node.op, BlockCall):
            yield from self._call(graph, node, node.op, before)
            yield from self._reused(node.op, nodes)
            return
        inputs = graph.node_inputs(node)
        try:
            results = node.op.result_types(inputs)
            declared = node.op.parameters(inputs)
        except ValueError as problem:
            yield f"`{node.op.name}` refuses its inputs: {problem}"
            return
        yield from _types(node, results, graph.node_results(node))
        yield from self._parameters(node, node.op, declared, nodes)

    def _parameters(
        self, node: Node, op: Operation, declared: tuple[Parameter, ...], nodes: dict[str, Node]
    ) -> Iterator[str]:
        shared = dict(node.shared)
        wanted = {p.name: p for p in declared}
        for name in shared.keys() - wanted.keys():
            yield f"`{op.name}` has no parameter `{name}` to share"
        own = {p.name: p for p in node.parameters}
        if list(own) != [name for name in wanted if name not in shared]:
            yield f"its parameters are {_listed(own)}, `{op.name}` declares {_listed(wanted)}"
            return
        for name, parameter in own.items():
            other = wanted[name]
            if (parameter.shape, parameter.dtype, parameter.role) != (
                other.shape,
                other.dtype,
                other.role,
            ):
                yield (f"`{name}` is {_shape(parameter)}, `{op.name}` declares {_shape(other)}")
        for name, path in shared.items():
            owner, theirs = split_path(path, nodes)
            lender = nodes.get(owner)
            lent = (
                next((p for p in lender.parameters if p.name == theirs), None) if lender else None
            )
            if lent is None:
                yield f"it shares `{path}`, which no layer before it has"
            elif name in wanted and lent.shape != wanted[name].shape:
                yield f"the shared `{path}` is {_shape(lent)}, not {_shape(wanted[name])}"

    def _call(self, graph: Graph, node: Node, call: BlockCall, before: set[str]) -> Iterator[str]:
        if call.graph not in before:
            yield f"it runs the graph `{call.graph}`, which does not stand before this one"
            return
        callee = self._program.graphs[call.graph]
        if callee.block != call.block:
            yield f"`{call.graph}` is of the block `{callee.block}`, not `{call.block}`"
        ports = [port for port, _ in node.inputs]
        if sorted(ports) != sorted(callee.inputs):
            yield f"it gives {_listed(ports)}, `{call.graph}` takes {_listed(callee.inputs)}"
            return
        for port, value in node.inputs:
            mine, theirs = graph.values[value], callee.values.get(port)
            if mine != theirs:
                yield f"`{port}` is {mine}, `{call.graph}` takes {theirs}"
        if all(value in callee.values for _, value in callee.outputs):
            results = tuple(callee.values[value] for _, value in callee.outputs)
            yield from _types(node, results, graph.node_results(node))
        if node.parameters or node.shared:
            yield "a call has no parameters of its own"

    def _reused(self, call: BlockCall, nodes: dict[str, Node]) -> Iterator[str]:
        if not call.reuses:
            return
        owner = nodes.get(call.reuses)
        if owner is None or not isinstance(owner.op, BlockCall) or owner.op.reuses:
            yield f"it reuses `{call.reuses}`, which is no call before it"
        elif call.graph in self._program.graphs and owner.op.graph in self._program.graphs:
            mine, theirs = (
                [
                    (path, p.shape, p.dtype, p.role)
                    for path, _, node in self._program.walk(graph)
                    for p in node.parameters
                ]
                for graph in (call.graph, owner.op.graph)
            )
            if mine != theirs:
                yield f"its parameters are not those of `{call.reuses}`"


def _types(
    node: Node, wanted: tuple[TensorType, ...], found: tuple[TensorType, ...]
) -> Iterator[str]:
    if len(wanted) != len(found):
        yield f"it has {len(found)} results, `{node.kind}` gives {len(wanted)}"
        return
    for value, mine, theirs in zip(node.outputs, found, wanted, strict=True):
        if mine != theirs:
            yield f"`{value}` is {mine}, `{node.kind}` gives {theirs}"


def _shape(parameter: Parameter) -> str:
    sizes = ", ".join(str(size) for size in parameter.shape)
    return f"{parameter.role} {parameter.dtype.spec_name}[{sizes}]"


def _listed(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"  # type: ignore[attr-defined]
