"""Places in the section `optimizer`, for the lints about it."""

from __future__ import annotations

from dlc.compiler.compilation import Compilation
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def optimizer_call(compilation: Compilation) -> tree.Call | None:
    """The bound call of the optimizer."""
    value = next((e.value for e in compilation.spec.settings if e.key.text == "optimizer"), None)
    return value if isinstance(value, tree.Call) else None


def argument_span(call: tree.Call, name: str) -> Span:
    """Where an argument's value stands; the name of the optimizer where it is a default."""
    for argument in call.arguments:
        if argument.name is not None and argument.name.text == name:
            # A default that was written out has the place of the whole call.
            return call.name.span if argument.value.span == call.span else argument.value.span
    return call.name.span
