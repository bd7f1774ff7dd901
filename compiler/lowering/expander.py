"""Expanding a body into a graph: blocks, repeats, conditions, residuals, arithmetic.

Sizes are inferred on the way, because a condition may ask for them (`C != width`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from dlc.compiler.components import registry
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.ir.dims import Answer
from dlc.compiler.lowering.builder import UNKNOWN, GraphBuilder, Place
from dlc.compiler.lowering.calls import Calls
from dlc.compiler.lowering.flow import FlowExpressions
from dlc.compiler.ops.base import Op
from dlc.compiler.semantics.evaluate import evaluate, show, truth
from dlc.compiler.semantics.scope import Evaluated, Layered, Scope, error
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

if TYPE_CHECKING:
    from dlc.compiler.lowering.lower import Lowerer

MAX_TURNS = 100_000


@dataclass(slots=True)
class Frame:
    """What is in reach at one point of a body: values by the author's names, layers by
    theirs, the expression scope, the turns of the repeats around."""

    scope: Scope
    values: Layered[str]
    layers: Layered[str] = field(default_factory=Layered)
    turns: tuple[int, ...] = ()

    def inner(self, names: dict[str, Evaluated] | None = None, turn: int | None = None) -> Frame:
        return Frame(
            self.scope.child(names or {}),
            self.values.inner(),
            self.layers.inner(),
            self.turns if turn is None else (*self.turns, turn),
        )


class Expander:
    """Runs the steps of one block instance, or of the model, into a GraphBuilder."""

    def __init__(self, lowerer: Lowerer, graph: GraphBuilder) -> None:
        self.lowerer = lowerer
        self.graph = graph
        self.flow = FlowExpressions(graph)
        self.calls = Calls(lowerer, graph, self.flow)

    def steps(
        self,
        steps: tuple[tree.Step, ...],
        frame: Frame,
        current: str | None,
        last_name: str | None = None,
    ) -> str | None:
        """Applies the steps; gives the value of the last. `last_name` names the layer of
        the last step where the author named the repeat around it instead."""
        budget = self.lowerer.budget
        for index, step in enumerate(steps):
            if budget.spent:
                return UNKNOWN
            name = step.names[0].text if step.names else None
            if name is None and index == len(steps) - 1:
                name = last_name
            try:
                budget.step(step.span)
                values = self._step(step, frame, current, name)
            except DiagnosticError as problem:
                self.graph.report(problem)
                values = (UNKNOWN,) * max(1, len(step.names))
            current = values[0]
            self._bind(step, values, frame)
        return current

    def _bind(self, step: tree.Step, values: tuple[str, ...], frame: Frame) -> None:
        if len(step.names) > len(values):
            if UNKNOWN not in values:
                extra = step.names[len(values)]
                self.graph.report(
                    error(
                        "E0410",
                        f"{len(step.names)} names for {len(values)} "
                        f"result{'s' if len(values) != 1 else ''}",
                        extra.span,
                        help="remove the names that nothing fills",
                    )
                )
            values = (*values, *(UNKNOWN,) * (len(step.names) - len(values)))
        for name, value in zip(step.names, values, strict=False):
            frame.values[name.text] = value
            node = self.graph.producers.get(value)
            if node is not None:
                frame.layers[name.text] = node.name
            if step.output:
                self._output(name, value, frame)

    def _output(self, name: tree.Name, value: str, frame: Frame) -> None:
        if any(turn > 0 for turn in frame.turns) and name.text in dict(self.graph.outputs):
            self.graph.report(
                error(
                    "E0203",
                    f"every turn of the repeat makes an output `{name}`",
                    name.span,
                    help="name it after the repeat: an output is one value",
                )
            )
            return
        self.graph.outputs.append((name.text, value))

    def _step(
        self, step: tree.Step, frame: Frame, current: str | None, name: str | None
    ) -> tuple[str, ...]:
        inputs: tuple[str, ...]
        if step.inputs is not None:
            place = Place(step.span, id(step), frame.turns)
            alone = step.operation is None and len(step.inputs) == 1
            inputs = tuple(
                self.flow.value(expr, frame, place, name if alone else None) for expr in step.inputs
            )
        elif not step.chained and self.calls.needs_nothing(step.operation):
            inputs = ()
        elif current is None:
            if self.graph.failed:
                inputs = (UNKNOWN,)
            else:
                raise error(
                    "E0409",
                    "this layer has no value to work on",
                    step.span,
                    help=f"say what flows in: {self._heads()}",
                )
        else:
            inputs = (current,)
        match step.operation:
            case None:
                return (_single(inputs, step),)
            case tree.Call() as call:
                names = tuple(n.text for n in step.names)
                place = Place(
                    call.span,
                    id(step),
                    frame.turns,
                    name,
                    {a.name.text: a.value for a in call.arguments if a.name is not None},
                )
                return self.calls.apply(call, inputs, frame, place, names)
            case tree.Repeat() as repeat:
                return (self._repeat(repeat, _single(inputs, step), frame, name),)
            case tree.If() as condition:
                return (self._if(condition, _single(inputs, step), frame, name),)
            case tree.Residual() as residual:
                return (self._residual(residual, _single(inputs, step), frame, step, name),)

    def _heads(self) -> str:
        """How to begin with an input, as the surface of the spec writes it."""
        model = self.lowerer.spec.model
        names = [decl.name.text for decl in model.inputs] if model else []
        form = "from: {}" if self.lowerer.spec.source.surface == "yaml" else "{} -> ..."
        return " or ".join(f"`{form.format(name)}`" for name in names or ["name"])

    # ── control ──────────────────────────────────────────────────────────────

    def _repeat(self, repeat: tree.Repeat, current: str, frame: Frame, name: str | None) -> str:
        count = evaluate(repeat.count, frame.scope)
        items: list[Evaluated] | range
        if isinstance(count, list):
            items = count
        elif isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            if count > MAX_TURNS:
                raise error("E0502", f"a repeat has at most {MAX_TURNS} turns", repeat.count.span)
            items = range(count)
        else:
            raise error(
                "E0301",
                f"`repeat` wants a count or a list, got {show(count)}",
                repeat.count.span,
                help="write `repeat 12` or `repeat [2, 2, 2]`",
            )
        if not repeat.body:
            return current
        variables = [v.text for v in repeat.variables]
        if len(variables) > 2:
            raise error(
                "E0410",
                "a repeat gives an index and an item",
                repeat.variables[2].span,
                help="write `as i` or `as i, item`",
            )
        for index, item in enumerate(items):
            bound: dict[str, Evaluated] = {}
            if len(variables) == 1:
                bound[variables[0]] = item
            elif variables:
                bound = {variables[0]: index, variables[1]: item}
            inner = frame.inner(bound, index)
            result = self._body(repeat.body, inner, current, repeat.span, name)
            current = result
            if current == UNKNOWN:
                break  # every further turn would say the same
        return current

    def _if(self, condition: tree.If, current: str, frame: Frame, name: str | None) -> str:
        chosen = truth(condition.condition, frame.scope)
        body = condition.then if chosen else (condition.otherwise or ())
        return self._body(body, frame.inner(), current, condition.span, name)

    def _body(
        self,
        steps: tuple[tree.Step, ...],
        frame: Frame,
        current: str,
        span: Span,
        name: str | None = None,
    ) -> str:
        """The steps inside a control step; none of them is the identity."""
        self.lowerer.budget.enter(span)
        result = self.steps(steps, frame, current, name)
        self.lowerer.budget.leave()
        assert result is not None
        return result

    def _residual(
        self, residual: tree.Residual, current: str, frame: Frame, step: tree.Step, name: str | None
    ) -> str:
        body = self._body(residual.body, frame.inner(), current, residual.span)
        beside = residual.shortcut or ()
        shortcut = self._body(beside, frame.inner(), current, residual.span)
        if UNKNOWN in (body, shortcut):
            return UNKNOWN
        self._check_residual(residual, body, shortcut)
        add = cast(Op, registry.load("op", "add")())
        place = Place(residual.span, id(residual), frame.turns, name)
        return self.graph.apply(add, [("x", body), ("other", shortcut)], place)[0]

    def _check_residual(self, residual: tree.Residual, body: str, shortcut: str) -> None:
        left, right = self.graph.types[body], self.graph.types[shortcut]
        if left.rank == right.rank:
            found = self.graph.disagreement(body, shortcut)
            if found is None:
                return
            axis, answer = found
        else:
            axis, answer = -1, Answer.DIFFERENT
        secondary: list[Label] = []
        ends = (
            (body, left, "the body's result is", residual.body),
            (shortcut, right, "the shortcut is", residual.shortcut or ()),
        )
        for value, type, words, steps in ends:
            node = self.graph.producers.get(value)
            if steps and node is not None and node.span is not None:
                secondary.append(Label(node.span, f"{words} {type.shape_text}"))
        notes = []
        if not residual.shortcut:
            notes.append(f"the shortcut is the value that came in, {right.shape_text}")
        origin = self.graph.origin(body, axis) if axis >= 0 else None
        if origin is not None and origin.span is not None:
            size = left.shape[axis]
            text = f"dim {axis} became {size} here"
            if all(label.span != origin.span for label in secondary):
                secondary.append(Label(origin.span, text))
            else:
                notes.append(f"dim {axis} became {size} in `{origin.name}`")
        raise DiagnosticError(
            Diagnostic(
                code("E0407" if answer is Answer.UNKNOWN else "E0402"),
                "a residual adds its body to its shortcut, and these "
                + ("may differ" if answer is Answer.UNKNOWN else "differ"),
                Label(_keyword(residual), f"{left.shape_text} + {right.shape_text}"),
                tuple(secondary),
                tuple(notes),
                _residual_help(answer, axis),
            )
        )


def _residual_help(answer: Answer, axis: int) -> str:
    if answer is Answer.UNKNOWN:
        return "declare the range or the multiple of the size in `dims`"
    if axis == 1:
        return "give the residual a `shortcut` with a 1x1 convolution (or `linear`) of that size"
    return "keep the size in the body (`padding`, `stride=1`), or project the shortcut"


def _keyword(residual: tree.Residual) -> Span:
    span = residual.span
    return replace(span, end=min(span.end, span.start + len("residual")))


def _single(inputs: tuple[str, ...], step: tree.Step) -> str:
    if len(inputs) != 1:
        raise error(
            "E0410",
            f"one value flows in here, got {len(inputs)}",
            step.span,
            help="join several values first: `[a, b] -> concat(dim=1)`",
        )
    return inputs[0]
