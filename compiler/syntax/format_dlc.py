"""A tree as canonical `.dlc` text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.comments import Attached, Comments, Construct
from dlc.compiler.syntax.layout import WIDTH, Layout, attach
from dlc.compiler.syntax.printing import (
    format_argument,
    format_binding,
    format_call,
    format_entry,
    format_expression,
    format_inputs,
    format_key,
    format_number,
    format_type,
)
from dlc.compiler.syntax.strings import quote

_STEP: Final = "  "


def format_dlc(file: tree.File) -> str:
    return _Printer(file).text()


class _Printer:
    def __init__(self, file: tree.File) -> None:
        self._file = file
        self._comments = Comments(file, "dlc")
        self._layout = Layout(file.source, self._comments)

    def text(self) -> str:
        file = self._file
        groups: list[list[str]] = []
        if file.version is not None:
            line = f"dlc {format_number(file.version)}"
            groups.append(self._layout.unit(file.version, [line], ""))
        groups.append(self._each(file.imports, self._import, ""))
        groups.append(self._each(file.params, self._param_line, ""))
        groups.append(self._each(file.dims, self._dim, ""))
        groups += [self._layout.unit(block, self._block(block), "") for block in file.blocks]
        if file.model is not None:
            groups.append(self._layout.unit(file.model, self._model(file.model), ""))
        # `init` says how the model begins; targets open the part about training.
        first = 1 if file.settings and file.settings[0].key.text == "init" else 0
        groups.append(self._each(file.settings[:first], self._top_entry, ""))
        groups.append(self._each(file.targets, self._target, ""))
        groups.append(self._each(file.settings[first:], self._top_entry, ""))
        groups.append(self._comments.at_end)
        return "\n".join(self._layout.separated(groups)) + "\n"

    def _each(
        self, nodes: Sequence[Any], lines_of: Callable[[Any, str], list[str]], indent: str
    ) -> list[str]:
        lines: list[str] = []
        for number, node in enumerate(nodes):
            if number and self._layout.is_apart(nodes[number - 1], node):
                lines.append("")
            lines += self._layout.unit(node, lines_of(node, indent), indent)
        return lines

    # ── declarations ─────────────────────────────────────────────────────────

    def _import(self, decl: tree.ImportDecl, indent: str) -> list[str]:
        names = ", ".join(name.text for name in decl.names)
        return [f"from {quote(decl.path.value)} import {names}"]

    def _param_line(self, decl: tree.ParamDecl, indent: str) -> list[str]:
        return [f"param {_param(decl)}"]

    def _dim(self, decl: tree.DimDecl, indent: str) -> list[str]:
        return [f"dim {decl.name.text} = {format_expression(decl.value)}"]

    def _target(self, decl: tree.ValueDecl, indent: str) -> list[str]:
        return [f"target {decl.name.text}: {format_type(decl.type)}"]

    def _input(self, decl: tree.ValueDecl, indent: str) -> list[str]:
        return [f"{indent}input {decl.name.text}: {format_type(decl.type)}"]

    def _block(self, block: tree.BlockDecl) -> list[str]:
        params = [_param(param) for param in block.params]
        head = f"block {block.name.text}"
        if params:
            flat = f"{head}({', '.join(params)})"
            commented = any(self._has_comments(param) for param in block.params)
            if commented or len(flat) + 2 > WIDTH:
                spread = self._items(block.params, params, _STEP)
                return [f"{head}(", *spread, *self._body(block, ") {", "")]
            head = flat
        return self._body(block, f"{head} {{", "")

    def _model(self, model: tree.ModelDecl) -> list[str]:
        name = f" {model.name.text}" if model.name is not None else ""
        return self._body(model, f"model{name} {{", "\n")

    def _body(self, decl: tree.BlockDecl | tree.ModelDecl, head: str, gap: str) -> list[str]:
        inputs = self._each(decl.inputs, self._input, _STEP)
        steps = self._steps(decl.body, _STEP)
        if inputs and steps and (gap or self._layout.is_apart(decl.inputs[-1], decl.body[0])):
            inputs.append("")
        dangling = [_STEP + text for text in self._comments.of(decl).dangling]
        return [head, *inputs, *steps, *dangling, "}"]

    def _has_comments(self, construct: Construct) -> bool:
        own = self._comments.of(construct)
        return bool(own.leading or own.header or own.tail) or self._comments.inside(construct)

    # ── settings ─────────────────────────────────────────────────────────────

    def _top_entry(self, entry: tree.Entry, indent: str) -> list[str]:
        return self._entry(entry, indent, top=True)

    def _nested_entry(self, entry: tree.Entry, indent: str) -> list[str]:
        return self._entry(entry, indent, top=False)

    def _entry(self, entry: tree.Entry, indent: str, *, top: bool) -> list[str]:
        value = entry.value
        flat = indent + format_entry(entry, top=top)
        key = indent + format_key(entry.key, top=top)
        if not isinstance(value, tree.Mapping):
            return self._value(value, f"{key} = ", indent, self._comments.inside(entry))
        expanded = self._layout.is_expanded(entry.span.start, value.span.end, value.span.source)
        if expanded is None:
            expanded = top or any(isinstance(e.value, tree.Mapping) for e in value.entries)
        if not value.entries and not self._comments.inside(entry):
            return [flat]
        if not expanded and not self._comments.inside(entry) and len(flat) <= WIDTH:
            return [flat]
        inner = self._each(value.entries, self._nested_entry, indent + _STEP)
        dangling = [indent + _STEP + text for text in self._comments.of(entry).dangling]
        return [f"{key} {{", *inner, *dangling, f"{indent}}}"]

    def _value(self, expr: tree.Expr, head: str, indent: str, spread: bool) -> list[str]:
        """An expression behind `head`; a long call or list gets a line for each item."""
        flat = head + format_expression(expr)
        if len(flat) <= WIDTH and not spread:
            return [flat]
        if isinstance(expr, tree.ListExpr) and expr.items:
            texts = [format_expression(item) for item in expr.items]
            inner = self._items(expr.items, texts, indent + _STEP)
            return [f"{head}[", *inner, f"{indent}]"]
        if isinstance(expr, tree.Call) and expr.arguments:
            texts = [format_argument(argument) for argument in expr.arguments]
            inner = self._items(expr.arguments, texts, indent + _STEP)
            return [f"{head}{expr.name.text}(", *inner, f"{indent})"]
        return [flat]

    def _items(self, nodes: Sequence[Any], texts: Sequence[str], indent: str) -> list[str]:
        lines: list[str] = []
        for node, text in zip(nodes, texts, strict=True):
            lines += [indent + comment for comment in self._comments.hoisted(node)]
            lines += self._layout.unit(node, [f"{indent}{text},"], indent)
        return lines

    # ── the flow ─────────────────────────────────────────────────────────────

    def _steps(self, steps: Sequence[tree.Step], indent: str) -> list[str]:
        lines: list[str] = []
        before: tree.Step | None = None
        for chain in _chains(steps):
            if before is not None and self._layout.is_apart(before, chain[0]):
                lines.append("")
            lines += self._chain(chain, indent)
            before = chain[-1]
        return lines

    def _chain(self, chain: Sequence[tree.Step], indent: str) -> list[str]:
        flat = self._flat_chain(chain)
        if flat is None or len(indent + flat) > WIDTH:
            return self._spread_chain(chain, indent)
        # Only its ends can have comments, else it would not be flat.
        first, last = self._comments.of(chain[0]), self._comments.of(chain[-1])
        ends = Attached(first.leading, last.header, last.tail)
        return attach(ends, [indent + flat], indent)

    def _flat_chain(self, chain: Sequence[tree.Step]) -> str | None:
        """The chain on one line; None where comments or the author spread it."""
        parts: list[str] = []
        for index, step in enumerate(chain):
            head, last = index == 0, index == len(chain) - 1
            own = self._comments.of(step)
            between = (own.leading and not head) or ((own.header or own.tail) and not last)
            if between or self._comments.inside(step):
                return None
            text = self._flat_link(step, head=head, last=last)
            if text is None:
                return None
            parts.append(text)
        return format_binding(chain[-1]) + " -> ".join(parts)

    def _flat_link(self, step: tree.Step, *, head: bool, last: bool) -> str | None:
        operation = step.operation
        source = format_inputs(step) if head and step.inputs is not None else None
        if operation is None:
            return source
        text: str | None
        if isinstance(operation, tree.Call):
            # `relu -> tanh` would begin with a value called `relu`.
            alone = head and source is None and not last
            text = format_call(operation, parentheses=alone)
        else:
            text = self._flat_control(operation)
        if text is None or source is None:
            return text
        return f"{source} -> {text}"

    def _flat_control(self, operation: tree.Repeat | tree.If | tree.Residual) -> str | None:
        span = operation.span
        if self._layout.is_expanded(span.start, span.end, span.source) is not False:
            return None
        parts: list[str] = []
        for head, body in self._bodies(operation):
            chains = _chains(body)
            if len(chains) > 1:
                return None
            inner = self._flat_chain(chains[0]) if chains else ""
            if inner is None or any(self._has_comments(step) for step in body):
                return None
            parts.append(f"{head} {{ {inner} }}" if inner else f"{head} {{}}")
        return " ".join(parts)

    def _spread_chain(self, chain: Sequence[tree.Step], indent: str) -> list[str]:
        """A chain over several lines, each as full as it may be."""
        before = [indent + text for text in self._comments.of(chain[0]).leading]
        lines = [indent + format_binding(chain[-1])]
        begun = commented = False
        for index, step in enumerate(chain):
            own = self._comments.of(step)
            parts = [] if step.inputs is None else [[format_inputs(step)]]
            if step.operation is not None:
                leads = index == 0 and step.inputs is None and len(chain) > 1
                parts.append(self._link(step.operation, step, indent, bare=not leads))
            for part in parts:
                joined = f"{lines[-1]} -> {part[0]}"
                if not begun:
                    lines[-1] += part[0]
                elif commented or (index and own.leading) or len(joined) > WIDTH:
                    if index:
                        lines += [indent + _STEP + text for text in own.leading]
                    lines.append(f"{indent}{_STEP}-> {part[0]}")
                else:
                    lines[-1] = joined
                begun, commented, opening = True, False, len(lines) - 1
                lines += part[1:]
            lines[opening:] = attach(Attached([], own.header, own.tail), lines[opening:], "")
            commented = bool(own.tail or (own.header and opening == len(lines) - 1))
        return before + lines

    def _link(
        self, operation: tree.Operation, step: tree.Step, indent: str, *, bare: bool
    ) -> list[str]:
        if isinstance(operation, tree.Call):
            flat = format_call(operation, parentheses=not bare)
            spread = self._comments.inside(step)
            if not spread and len(indent) + len(flat) + len(format_binding(step)) <= WIDTH:
                return [flat]
            return self._value(operation, "", indent, spread=bool(operation.arguments))
        flat_control = None if self._comments.inside(step) else self._flat_control(operation)
        if flat_control is not None and len(indent + flat_control) <= WIDTH:
            return [flat_control]
        lines: list[str] = []
        for head, body in self._bodies(operation):
            opening = f"{indent}}} {head} {{" if lines else f"{head} {{"
            lines += [opening, *self._steps(body, indent + _STEP)]
        dangling = [indent + _STEP + text for text in self._comments.of(step).dangling]
        return [*lines, *dangling, f"{indent}}}"]

    def _bodies(
        self, operation: tree.Repeat | tree.If | tree.Residual
    ) -> list[tuple[str, tuple[tree.Step, ...]]]:
        """Each body of a control with what stands before its brace."""
        match operation:
            case tree.Repeat():
                head = f"repeat {format_expression(operation.count)}"
                if operation.variables:
                    head += " as " + ", ".join(name.text for name in operation.variables)
                return [(head, operation.body)]
            case tree.Residual():
                bodies = [("residual", operation.body)]
                if operation.shortcut is not None:
                    bodies.append(("shortcut", operation.shortcut))
                return bodies
            case tree.If():
                bodies = [(f"if {format_expression(operation.condition)}", operation.then)]
                if operation.otherwise is None:
                    return bodies
                inner = self._else_if(operation.otherwise)
                if inner is None:
                    return [*bodies, ("else", operation.otherwise)]
                (head, body), *rest = self._bodies(inner)
                return [*bodies, (f"else {head}", body), *rest]

    def _else_if(self, steps: tuple[tree.Step, ...]) -> tree.If | None:
        """The `if` that an `else` consists of, with nothing to say about it."""
        only = steps[0] if len(steps) == 1 else None
        if only is None or only.inputs is not None or only.names:
            return None
        own = self._comments.of(only)
        if own.leading or own.header or own.tail or own.dangling:
            return None
        return only.operation if isinstance(only.operation, tree.If) else None


def _param(decl: tree.ParamDecl) -> str:
    kind = f": {decl.type.text}" if decl.type is not None else ""
    default = f" = {format_expression(decl.default)}" if decl.default is not None else ""
    return f"{decl.name.text}{kind}{default}"


def _chains(steps: Sequence[tree.Step]) -> list[list[tree.Step]]:
    """Steps that stand behind each other's arrows, together."""
    chains: list[list[tree.Step]] = []
    for step in steps:
        before = chains[-1][-1] if chains else None
        joins = (
            step.chained
            and before is not None
            and before.operation is not None
            and not before.names
            and step.inputs is None
            and step.operation is not None
        )
        if joins:
            chains[-1].append(step)
        else:
            chains.append([step])
    return chains
