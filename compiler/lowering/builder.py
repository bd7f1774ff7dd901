"""Building one typed graph, step by step.

A value that failed to infer is UNKNOWN: what follows it is still looked at for wrong
names and arguments, and says nothing about shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, DiagnosticError, Label
from dlc.compiler.ir.dims import Answer, Dim, DimError, compare
from dlc.compiler.ir.graph import BlockCall, Graph, Inputs, Node, Parameter, split_path
from dlc.compiler.ir.parametrization import effective_name, plain_name
from dlc.compiler.ir.types import TensorType
from dlc.compiler.lowering.budget import Budget
from dlc.compiler.lowering.naming import Namer, named_in, snake_case
from dlc.compiler.ops.base import InitializedOp, Op
from dlc.compiler.semantics.evaluate import MAX_INT
from dlc.compiler.semantics.scope import Scope, error
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

UNKNOWN = ""  # the value of a step that failed

#: Names of values, and of layers, that the author can speak of.
Names = dict[str, str]


@dataclass(slots=True)
class Place:
    """Where in the spec something is applied, for diagnostics: the call, its arguments
    by name, and the step's identity and turns for naming."""

    span: Span
    step: int
    turns: tuple[int, ...] = ()
    name: str | None = None
    arguments: Mapping[str, tree.Expr] = field(default_factory=dict)


class GraphBuilder:
    """The graph in the making: nodes, values with their types, names."""

    def __init__(
        self,
        scope: Scope,
        collector: Collector,
        init: Mapping[str, Initializer],
        budget: Budget,
        body: tuple[tree.Step, ...] = (),
        trail: tuple[str, ...] = (),
    ) -> None:
        self.scope = scope
        self.collector = collector
        self.init = init
        self.budget = budget
        self.trail = trail
        self.layers = 0
        self.nodes: list[Node] = []
        self.types: dict[str, TensorType] = {}
        self.inputs: list[str] = []
        self.outputs: list[tuple[str, str]] = []
        self.namer = Namer(named_in(body))
        self.by_name: dict[str, Node] = {}
        self.producers: dict[str, Node] = {}
        self.failed = False

    # ── findings ─────────────────────────────────────────────────────────────

    def report(self, problem: DiagnosticError) -> None:
        """Collects a finding, with the way through the blocks that led here."""
        self.failed = True
        for diagnostic in problem.diagnostics:
            self.collector.add(replace(diagnostic, notes=(*diagnostic.notes, *self.trail)))

    # ── values ───────────────────────────────────────────────────────────────

    def add_input(self, name: str, type: TensorType) -> None:
        self.inputs.append(name)
        self.types[name] = type
        self.namer.reserve(name)

    def type_of(self, value: str) -> TensorType | None:
        return self.types.get(value)

    def apply(
        self,
        op: Op,
        inputs: Sequence[tuple[str, str]],
        place: Place,
        names: tuple[str, ...] = (),
        shared: tuple[tuple[str, str], ...] = (),
    ) -> tuple[str, ...]:
        """Adds a node of an op; gives its values, UNKNOWN where an input is, or where the
        op refuses (which is reported)."""
        if any(value == UNKNOWN for _, value in inputs):
            return (UNKNOWN,) * len(op.results)
        self._count(1, place.span)
        types = self._inputs(inputs)
        try:
            results = op.result_types(types)
            _check_sizes(op, results, place.span)
            parameters = self._parameters(op, types, shared, place)
        except ComponentError as problem:
            self.report(DiagnosticError(self._blamed(problem, types, inputs, place)))
            return (UNKNOWN,) * len(op.results)
        except DimError as problem:
            self.report(error("E0403", f"`{op.name}`: {problem}", place.span, help=_DECLARE))
            return (UNKNOWN,) * len(op.results)
        except DiagnosticError as problem:
            self.report(problem)
            return (UNKNOWN,) * len(op.results)
        name = self.namer.layer(place.step, op.name, place.name, place.turns)
        outputs = self._output_names(name, op.result_names(len(results)), names, place)
        node = Node(
            name=name,
            op=op,
            inputs=tuple(inputs),
            outputs=outputs,
            parameters=parameters,
            shared=shared,
            named=place.name is not None,
            span=place.span,
        )
        self._add(node, results)
        return outputs

    def call_block(
        self,
        block: str,
        graph: Graph,
        inputs: Sequence[tuple[str, str]],
        place: Place,
        names: tuple[str, ...] = (),
        layers: int = 1,
        reuses: str = "",
    ) -> tuple[str, ...]:
        """Adds a node that runs another graph, of so many layers; with `reuses` it applies
        the layers of that call again."""
        self._count(layers, place.span)
        name = self.namer.layer(place.step, snake_case(block), place.name, place.turns)
        results = tuple(graph.values[value] for _, value in graph.outputs)
        outputs = self._output_names(name, [o for o, _ in graph.outputs], names, place)
        node = Node(
            name=name,
            op=BlockCall(graph.name, block, reuses),
            inputs=tuple(inputs),
            outputs=outputs,
            named=place.name is not None,
            span=place.span,
        )
        self._add(node, results)
        return outputs

    def _add(self, node: Node, results: tuple[TensorType, ...]) -> None:
        self.nodes.append(node)
        self.by_name[node.name] = node
        for value, type in zip(node.outputs, results, strict=True):
            self.types[value] = type
            self.producers[value] = node

    def _output_names(
        self, node: str, results: Sequence[str], names: tuple[str, ...], place: Place
    ) -> tuple[str, ...]:
        """The first result bears the node's name, the others the author's or the port's."""
        values = [node]
        for index, result in enumerate(results[1:], 1):
            if index < len(names):
                values.append(self.namer.layer(place.step, result, names[index], place.turns))
            else:
                values.append(f"{node}:{result}")
        return tuple(values)

    def _count(self, layers: int, span: Span) -> None:
        self.layers += layers
        self.budget.check_layers(self.layers, span)

    def _inputs(self, inputs: Iterable[tuple[str, str]]) -> Inputs:
        ports: dict[str, tuple[TensorType, ...]] = {}
        for port, value in inputs:
            ports[port] = (*ports.get(port, ()), self.types[value])
        return Inputs(ports)

    # ── parameters ───────────────────────────────────────────────────────────

    def _parameters(
        self, op: Op, types: Inputs, shared: tuple[tuple[str, str], ...], place: Place
    ) -> tuple[Parameter, ...]:
        declared = op.parameters(types)
        lent = dict(shared)
        own: list[Parameter] = []
        for parameter in declared:
            if parameter.name in lent:
                self._check_shared(parameter, lent[parameter.name], place)
                continue
            initializer = parameter.initializer
            if isinstance(op, InitializedOp):
                chosen = self._initializer(op, parameter)
                if chosen is not None:
                    _check_fits(chosen, parameter)
                    initializer = chosen
            if initializer is not parameter.initializer:
                parameter = replace(parameter, initializer=initializer)
            own.append(parameter)
        self._check_lent(op, declared, lent)
        return tuple(own)

    def _check_lent(self, op: Op, declared: Iterable[Parameter], lent: Mapping[str, str]) -> None:
        """Raises E0311 where a layer would compute the weight that another one lends it."""
        computed = {effective_name(parameter.name) for parameter in declared}
        for name, path in lent.items():
            if name in computed:
                norm = getattr(op, "norm", "")
                raise ComponentError(
                    "E0311",
                    f"`{norm}` computes the `{name}` of `{op.name}`, which is `{path}` here",
                    blame=norm,
                    help=f"leave `{norm}` out, or `{name}={path}`",
                )

    def _initializer(self, op: InitializedOp, parameter: Parameter) -> Initializer | None:
        if not parameter.trainable:
            return None
        return op.starting(parameter, self.init.get("bias" if parameter.is_bias else op.name))

    def _check_shared(self, wanted: Parameter, path: str, place: Place) -> None:
        owner, name = split_path(path, self.by_name)
        lender = self.by_name[owner]
        lent = next((p for p in lender.parameters if p.name == name), None)
        span = place.arguments[wanted.name].span if wanted.name in place.arguments else place.span
        computed = {effective_name(p.name) for p in lender.parameters}
        if name in computed or (effective_name(name) and name != wanted.name):
            norm = getattr(lender.op, "norm", "")
            raise error(
                "E0311",
                f"`{owner}` computes its `{plain_name(name)}` by `{norm}`, and has none to share",
                span,
                secondary=(Label(lender.span, "it belongs to this layer"),) if lender.span else (),
                help=f"leave `{norm}` out there, or apply the whole layer again: `reuse({owner})`",
            )
        if lent is None:
            known = ", ".join(f"`{owner}.{p.name}`" for p in lender.parameters) or "none"
            raise error(
                "E0212", f"`{owner}` has no parameter `{name}`", span, help=f"it has {known}"
            )
        if lent.shape != wanted.shape:
            secondary = (Label(lender.span, "it belongs to this layer"),) if lender.span else ()
            raise error(
                "E0402",
                f"the shared `{path}` is {_shape(lent.shape)}, needed is {_shape(wanted.shape)}",
                span,
                secondary=secondary,
                help="tied layers need equal sizes: `linear(vocab, weight=tok.weight)` takes "
                "an input as wide as the embedding",
            )

    # ── explaining ───────────────────────────────────────────────────────────

    def _blamed(
        self,
        problem: ComponentError,
        types: Inputs,
        inputs: Sequence[tuple[str, str]],
        place: Place,
    ) -> Diagnostic:
        expr = place.arguments.get(problem.blame or "")
        label = ""
        secondary: list[Label] = []
        if expr is not None:
            span = expr.span
        else:
            span = place.span
        blamed = types.get(problem.blame or "") if expr is not None else None
        shown = [f"{blamed or types.x}"] if inputs else []
        if inputs and problem.code.startswith("E04"):
            label = f"gets {', '.join(shown)}"
            value = next((v for p, v in inputs if p == problem.blame), inputs[0][1])
            origin = self.producers.get(value)
            if origin is not None and origin.span is not None and origin.span != place.span:
                secondary.append(Label(origin.span, f"{self.types[value]} comes from here"))
        return Diagnostic(
            code(problem.code),
            problem.message,
            Label(span, label),
            tuple(secondary),
            (),
            problem.help,
        )

    def origin(self, value: str, axis: int) -> Node | None:
        """The op that gave this axis its size: back along first inputs while it is unchanged."""
        node = self.producers.get(value)
        while node is not None and node.inputs:
            before = node.inputs[0][1]
            here, there = self.types[value], self.types[before]
            if there.rank != here.rank or there.shape[axis] != here.shape[axis]:
                return node
            value, node = before, self.producers.get(before)
        return None

    def disagreement(self, a: str, b: str) -> tuple[int, Answer] | None:
        """The first axis in which two values of one rank differ."""
        left, right = self.types[a].shape, self.types[b].shape
        for axis, (p, q) in enumerate(zip(left, right, strict=True)):
            answer = compare(p, q)
            if answer is not Answer.EQUAL:
                return axis, answer
        return None

    def finish(
        self, name: str, block: str, arguments: tuple[tuple[str, object], ...], span: Span | None
    ) -> Graph:
        return Graph(
            name=name,
            block=block,
            inputs=tuple(self.inputs),
            outputs=tuple(self.outputs),
            nodes=tuple(self.nodes),
            values=self.types,
            arguments=arguments,
            span=span,
        )


def _check_sizes(op: Op, results: tuple[TensorType, ...], span: Span) -> None:
    for type in results:
        for dim in type.shape:
            if isinstance(dim, int) and dim > MAX_INT:
                raise error(
                    "E0110",
                    f"`{op.name}` gives a size over 2**53",
                    span,
                    help="make its input or its arguments smaller",
                )


_DECLARE = "declare the size in `dims`, or make it a number"


def _check_fits(initializer: Initializer, parameter: Parameter) -> None:
    """Raises `ComponentError`, blaming the layer's own `init` where it has one."""
    shape = tuple(dim for dim in parameter.shape if isinstance(dim, int))
    try:
        initializer.check(shape)
    except ComponentError as problem:
        blame = "bias_init" if parameter.is_bias else "init"
        raise ComponentError(
            problem.code,
            f"{problem.message} for `{plain_name(parameter.name)}`",
            blame=blame,
            help=problem.help,
        ) from None


def _shape(shape: tuple[Dim, ...]) -> str:
    return "[" + ", ".join(str(dim) for dim in shape) + "]"
