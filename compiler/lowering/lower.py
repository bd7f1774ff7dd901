"""Lowering: from a bound spec to a typed program and its settings."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.diagnostics.model import Collector, DiagnosticError, Label
from dlc.compiler.ir.graph import Graph, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.lowering.budget import Budget
from dlc.compiler.lowering.builder import UNKNOWN, GraphBuilder
from dlc.compiler.lowering.calls import CallCache
from dlc.compiler.lowering.declared import bind_block_input, declare_dims, model_type
from dlc.compiler.lowering.expander import Expander, Frame
from dlc.compiler.semantics.evaluate import evaluate, show
from dlc.compiler.semantics.scope import Evaluated, Layered, Scope, error
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "text": (str,),
}


class Lowerer:
    """Lowers one bound spec. Findings go to the collector."""

    def __init__(
        self, spec: tree.File, collector: Collector, init: Mapping[str, Initializer], scope: Scope
    ) -> None:
        self.spec = spec
        self.collector = collector
        self.init = init
        self.scope = scope
        self.blocks = {block.name.text: block for block in spec.blocks}
        self.graphs: dict[str, Graph] = {}
        #: Layers of each graph after expansion, those of the blocks that it calls included.
        self.sizes: dict[str, int] = {}
        self.budget = Budget()
        self.calls: dict[int, CallCache] = {}
        self._instances: dict[object, Graph | None] = {}
        self._names: dict[str, int] = {}
        self._taken: set[str] = set()

    def program(self) -> Program | None:
        """The typed network; None where it has errors, which are reported."""
        model = self.spec.model
        if model is None:
            return None
        builder = GraphBuilder(self.scope, self.collector, self.init, self.budget, model.body)
        name = model.name.text if model.name else "Model"
        self._taken.add(name)
        for decl in model.inputs:
            try:
                builder.add_input(decl.name.text, model_type(decl.type, self.scope))
            except DiagnosticError as problem:
                builder.report(problem)
        values = {decl.name.text: decl.name.text for decl in model.inputs}
        for decl in model.inputs:
            if decl.name.text not in builder.types:
                values[decl.name.text] = UNKNOWN
        # Of several inputs none goes first by itself.
        first = values[model.inputs[0].name.text] if len(model.inputs) == 1 else None
        Expander(self, builder).steps(model.body, Frame(self.scope, Layered(values)), first)
        targets = self._targets()
        if not builder.outputs and not builder.failed:
            last = model.body[-1].span if model.body else model.span
            builder.report(
                error(
                    "E0411",
                    "the model has no output",
                    last,
                    help="mark the result: `output: logits` beside the layer in YAML, "
                    "`output logits = ...` in `.dlc`",
                )
            )
        if builder.failed or targets is None:
            return None
        graph = builder.finish(name, "", (), model.span)
        self.graphs[name] = graph
        return Program(name=name, graphs=self.graphs, main=name, targets=targets)

    def _targets(self) -> tuple[tuple[str, TensorType], ...] | None:
        found: list[tuple[str, TensorType]] = []
        failed = False
        for decl in self.spec.targets:
            try:
                found.append((decl.name.text, model_type(decl.type, self.scope)))
            except DiagnosticError as problem:
                failed = True
                self.collector.extend(problem.diagnostics)
        return None if failed else tuple(found)

    # ── blocks ───────────────────────────────────────────────────────────────

    def block_arguments(
        self, block: tree.BlockDecl, given: Mapping[str, tree.Expr], scope: Scope
    ) -> tuple[tuple[str, Evaluated], ...]:
        """The parameter values of a call. Defaults see the parameters before them."""
        own = Scope()
        for param in block.params:
            expr, where = given.get(param.name.text), scope
            if expr is None:
                expr, where = param.default, own
            if expr is None:
                raise DiagnosticError()  # binding has reported it
            own.names[param.name.text] = check_param(param, evaluate(expr, where), expr.span)
        return tuple(own.names.items())

    def instance(
        self,
        block: tree.BlockDecl,
        arguments: tuple[tuple[str, Evaluated], ...],
        types: tuple[tuple[str, TensorType], ...],
        call: Span,
        trail: tuple[str, ...],
    ) -> Graph | None:
        """The typed graph of a block for these arguments and inputs, made once."""
        key = (block.name.text, repr(arguments), types)
        if key in self._instances:
            return self._instances[key]
        self._instances[key] = None
        place = call.location
        step = f"in `{block.name}`, called at {call.source.name}:{place.line}:{place.column}"
        scope = Scope(dict(arguments))
        trail = (step, *trail)
        builder = GraphBuilder(scope, self.collector, self.init, self.budget, block.body, trail)
        for decl, (_, type) in zip(block.inputs, types, strict=False):
            try:
                bind_block_input(decl, type, scope, call)
            except DiagnosticError as problem:
                builder.report(problem)
        values: dict[str, str] = {}
        for port, type in types:
            builder.add_input(port, type)
            if block.inputs:
                values[port] = port
        if builder.failed:
            return None
        self.budget.enter(call)
        frame = Frame(scope, Layered(values))
        result = Expander(self, builder).steps(block.body, frame, types[0][0])
        self.budget.leave()
        if not builder.outputs and result:
            builder.outputs.append(("y", result))
        if builder.failed or result == UNKNOWN:
            return None
        name = self._graph_name(block.name.text)
        graph = builder.finish(name, block.name.text, tuple(arguments), block.span)
        self.graphs[name] = self._instances[key] = graph
        self.sizes[name] = builder.layers
        return graph

    def _graph_name(self, block: str) -> str:
        # The model, or another block, may be called like this one or like its second graph.
        while True:
            number = self._names[block] = self._names.get(block, 0) + 1
            name = block if number == 1 else f"{block}_{number}"
            if name not in self._taken:
                self._taken.add(name)
                return name


def check_param(param: tree.ParamDecl, value: Evaluated, span: Span) -> Evaluated:
    """A parameter's value, checked against its declared type. Raises `DiagnosticError`."""
    if param.type is None or param.type.text not in _TYPES:
        return value
    wanted = param.type.text
    fits = isinstance(value, _TYPES[wanted]) and isinstance(value, bool) == (wanted == "bool")
    if not fits and not (wanted == "int" and not isinstance(value, bool | int | float | str)):
        raise error(
            "E0301",
            f"the parameter `{param.name}` is of type {wanted}, got {show(value)}",
            span,
            secondary=(Label(param.span, "declared here"),),
        )
    return float(value) if wanted == "float" and isinstance(value, int) else value


def spec_scope(spec: tree.File, collector: Collector) -> Scope:
    """The top-level names: parameters with their values, declared dims."""
    scope = Scope()
    for param in spec.params:
        name = param.name.text
        if param.default is None:
            collector.extend(
                error(
                    "E0308",
                    f"the parameter `{name}` has no value",
                    param.span,
                    help=f"give it a default, or a value: `--set {name}=...`",
                ).diagnostics
            )
            continue
        try:
            scope.names[name] = check_param(param, _param(param, scope), param.default.span)
        except DiagnosticError as problem:
            collector.extend(problem.diagnostics)
    try:
        declare_dims(spec.dims, scope)
    except DiagnosticError as problem:
        collector.extend(problem.diagnostics)
    return scope


def _param(param: tree.ParamDecl, scope: Scope) -> Evaluated:
    default = param.default
    assert default is not None
    if isinstance(default, tree.Text):
        return default.value
    if isinstance(default, tree.Word) and param.type is not None and param.type.text == "text":
        return default.text
    return evaluate(default, scope)
