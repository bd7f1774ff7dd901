"""Where in a spec it is written how a parameter starts."""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.ir.graph import Node, Parameter
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

_ARGUMENTS = ("init", "bias_init", "recurrent_init")


def own_argument(node: Node, parameter: Parameter) -> str | None:
    """The argument of the layer that says how the parameter starts; None where the section
    `init` does."""
    for name in _ARGUMENTS:
        given = getattr(node.op, name, None)
        if given is not None and given is parameter.initializer:
            return name
    return None


def place(spec: tree.File, node: Node, parameter: Parameter) -> Span | None:
    """The value of the argument, or of the entry in the section `init`; else the layer."""
    name = own_argument(node, parameter)
    if name is None:
        entry = section_entry(spec, "bias" if parameter.is_bias else node.kind)
        return node.span if entry is None else entry.value.span
    for call in _calls(spec):
        if call.span == node.span:
            for argument in call.arguments:
                if argument.name is not None and argument.name.text == name:
                    return argument.value.span
    return node.span


def section_entry(spec: tree.File, key: str) -> tree.Entry | None:
    """The entry of the section `init` for a kind of layer, or for `bias`."""
    return next((entry for entry in section_entries(spec) if entry.key.text == key), None)


def section_entries(spec: tree.File) -> tuple[tree.Entry, ...]:
    section = next((e.value for e in spec.settings if e.key.text == "init"), None)
    return section.entries if isinstance(section, tree.Mapping) else ()


def _calls(spec: tree.File) -> Iterator[tree.Call]:
    """The calls of all bodies."""
    pending = [step for block in spec.blocks for step in block.body]
    pending += spec.model.body if spec.model is not None else ()
    while pending:
        match pending.pop().operation:
            case tree.Call() as call:
                yield call
            case tree.Repeat(body=body):
                pending += body
            case tree.If(then=then, otherwise=otherwise):
                pending += (*then, *(otherwise or ()))
            case tree.Residual(body=body, shortcut=shortcut):
                pending += (*body, *(shortcut or ()))
