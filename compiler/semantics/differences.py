"""What differs between two bound specs, setting by setting and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from dlc.compiler.record import component
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.printing import (
    format_binding,
    format_call,
    format_expression,
    format_inputs,
    format_type,
)


@component
class Difference:
    """A place that differs, as a dotted path, and its text on either side; None where only
    the other side has it."""

    path: str
    before: str | None
    after: str | None


def spec_differences(before: tree.File, after: tree.File) -> tuple[Difference, ...]:
    """All places in which two bound specs differ, in the order of a spec.

    Both are bound, with every default written out, so that a difference is one of meaning.
    What is called by the same name is compared argument by argument, anything else as a whole.
    """
    return tuple(_files(before, after))


def _files(before: tree.File, after: tree.File) -> Iterator[Difference]:
    sides = (before, after)
    names = [f.model.name.text if f.model and f.model.name else None for f in sides]
    yield from _leaf("name", *names)
    yield from _named("params", *({p.name.text: _param(p) for p in f.params} for f in sides))
    yield from _named(
        "dims", *({d.name.text: format_expression(d.value) for d in f.dims} for f in sides)
    )
    inputs = [f.model.inputs if f.model else () for f in sides]
    yield from _named("inputs", *(_declared(values) for values in inputs))
    blocks = [{block.name.text: block for block in f.blocks} for f in sides]
    for name in dict.fromkeys((*blocks[0], *blocks[1])):
        yield from _blocks(f"blocks.{name}", blocks[0].get(name), blocks[1].get(name))
    yield from _steps("layers", *(f.model.body if f.model else () for f in sides))
    yield from _named("targets", *(_declared(f.targets) for f in sides))
    settings = [{entry.key.text: entry.value for entry in f.settings} for f in sides]
    yield from _keyed("", settings[0], settings[1])


def _leaf(path: str, before: str | None, after: str | None) -> Iterator[Difference]:
    if before != after:
        yield Difference(path=path, before=before, after=after)


def _named(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *after)):
        yield from _leaf(f"{path}.{name}", before.get(name), after.get(name))


def _declared(values: Sequence[tree.ValueDecl]) -> dict[str, str]:
    return {value.name.text: format_type(value.type) for value in values}


def _param(param: tree.ParamDecl) -> str:
    text = "" if param.type is None else param.type.text
    if param.default is None:
        return text
    value = format_expression(param.default)
    return f"{text} = {value}" if text else value


def _blocks(
    path: str, before: tree.BlockDecl | None, after: tree.BlockDecl | None
) -> Iterator[Difference]:
    if before is None or after is None:
        yield Difference(
            path=path,
            before=None if before is None else f"{len(before.body)} layers",
            after=None if after is None else f"{len(after.body)} layers",
        )
        return
    yield from _named(
        f"{path}.params", *({p.name.text: _param(p) for p in b.params} for b in (before, after))
    )
    yield from _named(f"{path}.inputs", _declared(before.inputs), _declared(after.inputs))
    yield from _steps(path, before.body, after.body)


# ── settings ─────────────────────────────────────────────────────────────────


def _keyed(
    path: str, before: Mapping[str, tree.Expr], after: Mapping[str, tree.Expr]
) -> Iterator[Difference]:
    for key in dict.fromkeys((*before, *after)):
        yield from _expressions(f"{path}.{key}" if path else key, before.get(key), after.get(key))


def _expressions(
    path: str, before: tree.Expr | None, after: tree.Expr | None
) -> Iterator[Difference]:
    if before == after:
        return
    match before, after:
        case tree.Mapping(), tree.Mapping():
            yield from _keyed(
                path,
                {entry.key.text: entry.value for entry in before.entries},
                {entry.key.text: entry.value for entry in after.entries},
            )
        case tree.Call(), tree.Call() if before.name.text == after.name.text:
            yield from _keyed(path, _arguments(before), _arguments(after))
        case tree.ListExpr(), tree.ListExpr() if len(before.items) == len(after.items):
            for index, (one, other) in enumerate(zip(before.items, after.items, strict=True)):
                yield from _expressions(f"{path}[{index}]", one, other)
        case _:
            yield from _leaf(path, *(None if e is None else _plain(e) for e in (before, after)))


def _plain(expr: tree.Expr) -> str:
    """The text of an expression; a text without its quotes."""
    return expr.value if isinstance(expr, tree.Text) else format_expression(expr)


def _arguments(call: tree.Call) -> dict[str, tree.Expr]:
    return {
        str(index) if argument.name is None else argument.name.text: argument.value
        for index, argument in enumerate(call.arguments)
    }


# ── layers ───────────────────────────────────────────────────────────────────


def _steps(
    path: str, before: Sequence[tree.Step], after: Sequence[tree.Step]
) -> Iterator[Difference]:
    texts = [[_text(step) for step in side] for side in (before, after)]
    names = [_labels(path, side) for side in (before, after)]
    matcher = SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    for tag, i, j, k, end in matcher.get_opcodes():
        if tag == "equal":
            continue
        ours, theirs = before[i:j], after[k:end]
        if tag == "replace" and [*map(_kind, ours)] == [*map(_kind, theirs)]:
            for offset, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                yield from _pair(names[1][k + offset], one, other)
            continue
        for index in range(i, j):
            yield Difference(path=names[0][index], before=texts[0][index], after=None)
        for index in range(k, end):
            yield Difference(path=names[1][index], before=None, after=texts[1][index])


def _pair(path: str, before: tree.Step, after: tree.Step) -> Iterator[Difference]:
    """Two steps that apply the same kind of operation."""
    yield from _leaf(f"{path}.from", format_inputs(before), format_inputs(after))
    yield from _leaf(f"{path}.name", format_binding(before), format_binding(after))
    match before.operation, after.operation:
        case tree.Call() as one, tree.Call() as other:
            yield from _keyed(path, _arguments(one), _arguments(other))
        case tree.Repeat() as one, tree.Repeat() as other:
            yield from _leaf(path, format_expression(one.count), format_expression(other.count))
            yield from _steps(path, one.body, other.body)
        case tree.If() as one, tree.If() as other:
            yield from _leaf(
                path, format_expression(one.condition), format_expression(other.condition)
            )
            yield from _steps(f"{path}.then", one.then, other.then)
            yield from _steps(f"{path}.else", one.otherwise or (), other.otherwise or ())
        case tree.Residual() as one, tree.Residual() as other:
            yield from _steps(path, one.body, other.body)
            yield from _steps(f"{path}.shortcut", one.shortcut or (), other.shortcut or ())
        case _:
            pass


def _kind(step: tree.Step) -> str:
    match step.operation:
        case tree.Call(name=name):
            return name.text
        case tree.Repeat():
            return "repeat"
        case tree.If():
            return "if"
        case tree.Residual():
            return "residual"
    return "value"


def _labels(path: str, steps: Sequence[tree.Step]) -> list[str]:
    """What the steps are called: by their name, else by their kind and number."""
    counts: dict[str, int] = {}
    found = []
    for step in steps:
        kind = step.names[0].text if step.names else _kind(step)
        counts[kind] = counts.get(kind, 0) + 1
        number = "" if counts[kind] == 1 else f"_{counts[kind]}"
        found.append(f"{path}.{kind}{number}")
    return found


def _text(step: tree.Step) -> str:
    """A step in one line, with all that is inside it."""
    inputs = format_inputs(step) if step.inputs is not None else ""
    operation = _operation(step.operation)
    arrow = " -> " if inputs and operation else ""
    return f"{format_binding(step)}{inputs}{arrow}{operation}"


def _operation(operation: tree.Operation | None) -> str:
    def body(steps: Sequence[tree.Step] | None) -> str:
        return "{ " + "; ".join(map(_text, steps or ())) + " }"

    match operation:
        case None:
            return ""
        case tree.Call():
            return format_call(operation, parentheses=False)
        case tree.Repeat():
            return f"repeat {format_expression(operation.count)} {body(operation.body)}"
        case tree.If():
            rest = "" if operation.otherwise is None else f" else {body(operation.otherwise)}"
            return f"if {format_expression(operation.condition)} {body(operation.then)}{rest}"
        case tree.Residual():
            rest = "" if operation.shortcut is None else f" shortcut {body(operation.shortcut)}"
            return f"residual {body(operation.body)}{rest}"
