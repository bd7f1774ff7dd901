"""`--set path=value`: changing a bound spec from the command line.

A path goes over parameters (`p`), sections and the arguments of calls
(`optimizer.lr`), and named layers (`model.stem.out_channels`). The value is read by the
same expression grammar; findings point into the argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dlc.compiler.components import registry
from dlc.compiler.components.base import arguments
from dlc.compiler.components.plugins import BrokenPlugin
from dlc.compiler.diagnostics.model import Collector, DiagnosticError
from dlc.compiler.diagnostics.suggest import closest, did_you_mean, listed
from dlc.compiler.semantics.forms import all_steps
from dlc.compiler.semantics.relocate import parse_inside
from dlc.compiler.semantics.resolve import SECTIONS
from dlc.compiler.semantics.scope import error
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree


def parse_override(text: str, collector: Collector) -> tuple[tree.Name, tree.Expr] | None:
    """The path and value of one `--set` argument; None after reporting what is wrong."""
    source = Source("--set", text, "argument")
    path, sign, _ = text.partition("=")
    if not sign or not path.strip():
        collector.extend(
            error(
                "E0214",
                f"`{text}` is not `path=value`",
                source.whole,
                help="write `--set optimizer.lr=1e-3`",
            ).diagnostics
        )
        return None
    expr = parse_inside(text[len(path) + 1 :], source, len(path) + 1, collector)
    if expr is None:
        return None
    return tree.Name(path.strip(), Span(source, 0, len(path.rstrip()))), expr


def override(file: tree.File, path: tree.Name, value: tree.Expr) -> tree.File:
    """The bound spec with one value changed; it wants binding again. Raises
    `DiagnosticError` E0214 where the path names nothing."""
    parts = path.text.split(".")
    head, rest = parts[0], parts[1:]
    params = {p.name.text: index for index, p in enumerate(file.params)}
    if not rest and head in params:
        index = params[head]
        changed = replace(file.params[index], default=value)
        return replace(file, params=(*file.params[:index], changed, *file.params[index + 1 :]))
    if head == "model" and file.model is not None and len(rest) == 2:
        body, found = _set_layer(file.model.body, rest[0], rest[1], path, value)
        if not found:
            raise _unknown(path, rest[0], _layer_names(file.model.body), "layer")
        return replace(file, model=replace(file.model, body=body))
    if head == "model" or (rest and head in params):
        raise error(
            "E0214",
            f"`{path}` names nothing: a path ends at one value",
            path.span,
            help="write `--set model.<layer>.<argument>=...` for a layer, "
            "`--set <parameter>=...` for a parameter",
        )
    if head not in SECTIONS:
        raise _unknown(path, head, [*params, *SECTIONS, "model"], "section")
    entries = list(file.settings)
    at = next((i for i, e in enumerate(entries) if e.key.text == head), None)
    if not rest and isinstance(value, tree.Null):
        return replace(file, settings=tuple(e for e in entries if e.key.text != head))
    if at is None:
        inner = value if not rest else _set(tree.Mapping((), path.span), rest, path, value)
        entries.append(tree.Entry(tree.Name(head, path.span), inner, path.span))
    else:
        entries[at] = replace(entries[at], value=_set(entries[at].value, rest, path, value))
    return replace(file, settings=tuple(entries))


def _set(node: tree.Expr, parts: list[str], path: tree.Name, value: tree.Expr) -> tree.Expr:
    if not parts:
        return value
    # A key may hold dots itself (`search.space."optimizer.lr"`): the longest one wins.
    for length in range(len(parts), 0, -1):
        key, rest = ".".join(parts[:length]), parts[length:]
        if isinstance(node, tree.Call):
            for index, argument in enumerate(node.arguments):
                if argument.name is not None and argument.name.text == key:
                    changed = replace(argument, value=_set(argument.value, rest, path, value))
                    arguments = (*node.arguments[:index], changed, *node.arguments[index + 1 :])
                    return replace(node, arguments=arguments)
        if isinstance(node, tree.Mapping):
            for index, entry in enumerate(node.entries):
                if entry.key.text == key:
                    if not rest and isinstance(value, tree.Null):
                        # Binding writes the default again, where the place has one.
                        return replace(
                            node, entries=(*node.entries[:index], *node.entries[index + 1 :])
                        )
                    inner = replace(entry, value=_set(entry.value, rest, path, value))
                    return replace(
                        node, entries=(*node.entries[:index], inner, *node.entries[index + 1 :])
                    )
    # Not there yet: add it; binding says so if the place has no such key.
    key, rest = parts[0], parts[1:]
    inner_value = value if not rest else _set(tree.Mapping((), path.span), rest, path, value)
    name = tree.Name(key, path.span)
    if isinstance(node, tree.Call):
        added = tree.Argument(name, inner_value, path.span)
        return replace(node, arguments=(*node.arguments, added))
    if isinstance(node, tree.Mapping):
        entry = tree.Entry(name, inner_value, path.span)
        return replace(node, entries=(*node.entries, entry))
    raise error(
        "E0214",
        f"`{path}` names nothing: there is a single value, without a `{key}`",
        path.span,
        help="give the whole: `--set optimizer='sgd(lr=0.1)'`",
    )


def _set_layer(
    steps: tuple[tree.Step, ...], layer: str, key: str, path: tree.Name, value: tree.Expr
) -> tuple[tuple[tree.Step, ...], bool]:
    """Sets an argument of the layer with this name, at any depth."""
    changed: list[tree.Step] = []
    found = False
    for step in steps:
        operation = step.operation
        names = [name.text for name in step.names]
        if isinstance(operation, tree.Call) and layer in names:
            changed_call = _set(operation, [key], path, value)
            assert isinstance(changed_call, tree.Call)
            step = replace(step, operation=changed_call)
            found = True
        elif isinstance(operation, tree.Repeat):
            body, inside = _set_layer(operation.body, layer, key, path, value)
            step, found = replace(step, operation=replace(operation, body=body)), found or inside
        elif isinstance(operation, tree.If):
            then, one = _set_layer(operation.then, layer, key, path, value)
            other, two = _set_layer(operation.otherwise or (), layer, key, path, value)
            otherwise = None if operation.otherwise is None else other
            step = replace(step, operation=replace(operation, then=then, otherwise=otherwise))
            found = found or one or two
        elif isinstance(operation, tree.Residual):
            body, one = _set_layer(operation.body, layer, key, path, value)
            other, two = _set_layer(operation.shortcut or (), layer, key, path, value)
            shortcut = None if operation.shortcut is None else other
            step = replace(step, operation=replace(operation, body=body, shortcut=shortcut))
            found = found or one or two
        changed.append(step)
    return tuple(changed), found


def _layer_names(steps: tuple[tree.Step, ...]) -> list[str]:
    return [name.text for step in all_steps(steps) for name in step.names]


def _unknown(path: tree.Name, part: str, candidates: list[str], kind: str) -> DiagnosticError:
    _, help = did_you_mean(part, candidates, kind)
    return error(
        "E0214",
        f"`{path}` names nothing: there is no {kind} `{part}`",
        path.span,
        help=help or f"there are {listed(candidates)}",
    )


def exists(file: tree.File, path: str) -> bool:
    """Whether a path of `search.space` names something in a bound spec."""
    head, *rest = path.split(".")
    if not rest:
        return any(p.name.text == head for p in file.params)
    if head == "model":
        call = _named_call(file, rest[0])
        return call is not None and len(rest) == 2 and rest[1] in _takes(file, call)
    node: tree.Expr | None = next((e.value for e in file.settings if e.key.text == head), None)
    for index, part in enumerate(rest):
        if isinstance(node, tree.Call):
            values = {a.name.text: a.value for a in node.arguments if a.name is not None}
            kind, name = head, node.name.text
        elif isinstance(node, tree.Mapping):
            values = {e.key.text: e.value for e in node.entries}
            kind, name = "section", head if index == 0 else rest[index - 1]
        else:
            return False
        if part not in values:
            # Not set, and without a default to write out: a key all the same.
            return index == len(rest) - 1 and part in _fields(kind, name)
        node = values[part]
    return node is not None


def _named_call(file: tree.File, layer: str) -> tree.Call | None:
    for step in all_steps(file.model.body if file.model else ()):
        if isinstance(step.operation, tree.Call) and layer in [n.text for n in step.names]:
            return step.operation
    return None


def _takes(file: tree.File, call: tree.Call) -> tuple[str, ...]:
    """The names of the arguments that a layer takes."""
    block = next((b for b in file.blocks if b.name.text == call.name.text), None)
    if block is not None:
        return tuple(param.name.text for param in block.params)
    return _fields("op", call.name.text)


def _fields(kind: str, name: str) -> tuple[str, ...]:
    try:
        return tuple(arguments(registry.load(kind, name)))
    except (registry.UnknownComponent, BrokenPlugin):
        return ()


def similar_path(spec: tree.File, text: str) -> str:
    """The help line for a path that names nothing; empty where none is near."""
    known = [*(p.name.text for p in spec.params), *_paths(spec)]
    near = closest(text, known)
    if near:
        return f"there is a similar path: `{near}`"
    head, _, last = text.rpartition(".")
    beside = [path.rpartition(".")[2] for path in known if path.rpartition(".")[0] == head]
    return did_you_mean(last, beside, "argument").reason


def _paths(spec: tree.File) -> Iterator[str]:
    """Every path into the sections of a bound spec."""
    pending: list[tuple[str, tree.Expr]] = [(e.key.text, e.value) for e in spec.settings]
    while pending:
        path, value = pending.pop()
        yield path
        if path == "search.space":
            continue
        if isinstance(value, tree.Mapping):
            pending += [(f"{path}.{e.key}", e.value) for e in value.entries]
        elif isinstance(value, tree.Call):
            pending += [(f"{path}.{a.name}", a.value) for a in value.arguments if a.name]
