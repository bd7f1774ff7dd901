"""Steps as items of a YAML list of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.layout import WIDTH, Layout
from dlc.compiler.syntax.printing import (
    format_binding,
    format_call,
    format_expression,
    format_inputs,
)
from dlc.compiler.syntax.yaml_collections import Collections
from dlc.compiler.syntax.yaml_layers import KEYWORDS
from dlc.compiler.syntax.yaml_scalars import is_flow_safe, quoted, scalar, spell_key, through_quotes

_STEP: Final = "  "


class Steps:
    """Prints lists of layers."""

    def __init__(self, layout: Layout, values: Collections) -> None:
        self._layout = layout
        self._comments = layout.comments
        self._values = values

    def section(self, name: str, steps: Sequence[tree.Step], indent: str) -> list[str]:
        """`layers:` and its items."""
        if not steps:
            return [f"{indent}{name}: []"]
        lines = [f"{indent}{name}:"]
        for number, step in enumerate(steps):
            if number and self._layout.is_apart(steps[number - 1], step):
                lines.append("")
            lines += self._step(step, indent + _STEP)
        return lines

    def _step(self, step: tree.Step, indent: str) -> list[str]:
        operation = step.operation
        hoisted: list[str] = []
        if isinstance(operation, tree.Call):
            line = _as_line(step, operation)
            if line is not None:
                hoisted = self._values.hoist(step, indent)
                unit = self._layout.unit(step, [f"{indent}- {line}"], indent)
                return hoisted + unit
        deeper = indent + _STEP
        lines: list[str] = []
        if step.inputs is not None:
            lines.append(f"{deeper}from: {self._inputs(step.inputs)}")
        if isinstance(operation, tree.Call):
            if self._comments.inside(step) and not _named(operation):
                hoisted = self._values.hoist(step, indent)
            lines += self._call(operation, step, deeper)
        elif operation is not None:
            lines += self._control(operation, deeper)
        if step.names:
            word = "output" if step.output else "name"
            names = ", ".join(name.text for name in step.names)
            lines.append(f"{deeper}{word}: {names if len(step.names) == 1 else f'[{names}]'}")
        lines[0] = f"{indent}- {lines[0][len(deeper) :]}"
        return hoisted + self._layout.unit(step, lines, indent)

    def _inputs(self, inputs: tuple[tree.Expr, ...]) -> str:
        if len(inputs) == 1 and not isinstance(inputs[0], tree.ListExpr):
            return through_quotes(format_expression(inputs[0]))
        return f"[{', '.join(_in_flow(expr) for expr in inputs)}]"

    def _call(self, call: tree.Call, step: tree.Step, indent: str) -> list[str]:
        head = f"{indent}{spell_key(call.name.text)}:"
        if not call.arguments:
            return [head]
        if not _named(call):
            values = tuple(argument.value for argument in call.arguments)
            if len(values) == 1 and not isinstance(values[0], tree.Mapping | tree.ListExpr):
                return [f"{head} {scalar(values[0])}"]
            wrapped = tree.ListExpr(values, call.span)
            return self._values.value(head, wrapped, indent)
        entries = [(a.name, a.value) for a in call.arguments if a.name is not None]
        flat = self._values.flow_mapping(entries)
        fits = flat is not None and len(head) + 1 + len(flat) <= WIDTH
        if flat is not None and fits and not self._comments.inside(step):
            return [f"{head} {flat}"]
        lines = [head]
        for argument in call.arguments:
            assert argument.name is not None
            deeper = indent + _STEP
            key = f"{deeper}{spell_key(argument.name.text)}:"
            lines += self._values.hoist(argument, deeper)
            value = self._values.value(key, argument.value, deeper)
            lines += self._layout.unit(argument, value, deeper)
        return lines

    def _control(self, operation: tree.Repeat | tree.If | tree.Residual, indent: str) -> list[str]:
        match operation:
            case tree.Repeat():
                lines = self._values.value(f"{indent}repeat:", operation.count, indent)
                if operation.variables:
                    names = ", ".join(name.text for name in operation.variables)
                    several = len(operation.variables) > 1
                    lines.append(f"{indent}as: {f'[{names}]' if several else names}")
                return lines + self.section("layers", operation.body, indent)
            case tree.If():
                lines = [f"{indent}if: {through_quotes(format_expression(operation.condition))}"]
                lines += self.section("then", operation.then, indent)
                if operation.otherwise is not None:
                    lines += self.section("else", operation.otherwise, indent)
                return lines
            case tree.Residual():
                lines = self.section("residual", operation.body, indent)
                if operation.shortcut is not None:
                    lines += self.section("shortcut", operation.shortcut, indent)
                return lines


def _as_line(step: tree.Step, call: tree.Call) -> str | None:
    """The step as text of its own, where it is bare or YAML has no structure for it."""
    if step.inputs is None and not step.names and not call.arguments:
        return call.name.text
    named = [a.name.text for a in call.arguments if a.name is not None]
    mixed = named and len(named) < len(call.arguments)
    if not mixed and len(set(named)) == len(named) and call.name.text not in KEYWORDS:
        return None
    inputs = "" if step.inputs is None else f"{format_inputs(step)} -> "
    return through_quotes(f"{format_binding(step)}{inputs}{format_call(call)}")


def _named(call: tree.Call) -> bool:
    return any(argument.name is not None for argument in call.arguments)


def _in_flow(expr: tree.Expr) -> str:
    text = format_expression(expr)
    spelled = through_quotes(text)
    return spelled if is_flow_safe(spelled) else quoted(text)
