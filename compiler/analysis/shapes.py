"""Types of a program, inferred anew from those of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from dlc.compiler.components.base import ComponentError
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.ir.dims import Dim, DimError, Poly, substitute
from dlc.compiler.ir.graph import BlockCall, Graph, Node, Program
from dlc.compiler.ir.types import TensorType


def infer(program: Program, inputs: Mapping[str, TensorType] | None = None) -> Program:
    """The program with every type and parameter inferred from the ops.

    `inputs` are new types of the main inputs, by name. A block that is then called with
    types that differ becomes a graph for each. Raises `DiagnosticError` where an op
    refuses what flows into it.
    """
    return _Inference(program, {}).run(inputs or {})


def with_input_types(program: Program, sizes: Mapping[str, int]) -> Program:
    """The program with symbols replaced by numbers, in the inputs, in arguments of ops and
    blocks, and in all that follows from them. Raises `DiagnosticError` like `infer`."""
    inputs = {name: _type(program.graph.values[name], sizes) for name in program.graph.inputs}
    inferred = _Inference(program, sizes).run(inputs)
    targets = tuple((name, _type(type, sizes)) for name, type in program.targets)
    return replace(inferred, targets=targets)


def _type(type: TensorType, sizes: Mapping[str, int]) -> TensorType:
    return TensorType(type.dtype, tuple(substitute(size, sizes) for size in type.shape))


class _Inference:
    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self._program = program
        self._sizes: Mapping[str, Dim] = dict(sizes)
        self._graphs: dict[str, Graph] = {}
        self._made: dict[tuple[str, tuple[TensorType, ...]], Graph] = {}

    def run(self, inputs: Mapping[str, TensorType]) -> Program:
        main = self._program.graph
        types = tuple(inputs.get(name, main.values[name]) for name in main.inputs)
        found = self._graph(main, types)
        return replace(self._program, graphs=self._graphs, main=found.name)

    def _graph(self, graph: Graph, types: tuple[TensorType, ...]) -> Graph:
        key = (graph.name, types)
        if key in self._made:
            return self._made[key]
        values = dict(zip(graph.inputs, types, strict=True))
        nodes: list[Node] = []
        for node in graph.nodes:
            here = replace(graph, values=values)
            done, results = self._node(here, node)
            values |= dict(zip(node.outputs, results, strict=True))
            nodes.append(done)
        name = graph.name
        number = 1
        while name in self._graphs:
            number += 1
            name = f"{graph.name}_{number}"
        arguments = tuple((n, self._value(value)) for n, value in graph.arguments)
        made = replace(graph, name=name, nodes=tuple(nodes), values=values, arguments=arguments)
        self._graphs[name] = self._made[key] = made
        return made

    def _node(self, graph: Graph, node: Node) -> tuple[Node, tuple[TensorType, ...]]:
        inputs = graph.node_inputs(node)
        if isinstance(node.op, BlockCall):
            callee = self._program.graphs[node.op.graph]
            by_port = dict(node.inputs)
            types = tuple(graph.values[by_port[name]] for name in callee.inputs)
            made = self._graph(callee, types)
            results = tuple(made.values[value] for _, value in made.outputs)
            call = BlockCall(made.name, made.block, node.op.reuses)
            return replace(node, op=call), results
        op: Any = self._op(node.op)
        try:
            results = op.result_types(inputs)
            declared = op.parameters(inputs)
        except ComponentError as problem:
            raise _refused(node, problem.code, problem.message, problem.help) from None
        except DimError as problem:
            raise _refused(node, "E0403", f"`{node.kind}`: {problem}", None) from None
        starts = {p.name: p.initializer for p in node.parameters}
        lent = dict(node.shared)
        parameters = tuple(
            replace(p, initializer=starts.get(p.name, p.initializer))
            for p in declared
            if p.name not in lent
        )
        return replace(node, op=op, parameters=parameters), results

    def _op(self, op: Any) -> Any:
        """The op with symbols among its arguments replaced."""
        if not self._sizes:
            return op
        changed = {}
        for f in fields(op):
            value = getattr(op, f.name)
            new = self._value(value)
            if new is not value:
                changed[f.name] = new
        return replace(op, **changed) if changed else op

    def _value(self, value: Any) -> Any:
        if isinstance(value, Poly):
            return substitute(value, self._sizes)
        if isinstance(value, tuple) and any(isinstance(item, Poly) for item in value):
            return tuple(self._value(item) for item in value)
        return value


def _refused(node: Node, number: str, message: str, help: str | None) -> DiagnosticError:
    label = Label(node.span) if node.span is not None else None
    return DiagnosticError(Diagnostic(code(number), message, label, help=help))
