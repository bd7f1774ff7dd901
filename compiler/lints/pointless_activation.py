"""A relu that changes nothing.

What comes out of relu, sigmoid, softmax, softplus or a square is never negative, and a relu
gives it back as it is. Mostly one of the two was meant to be another, or a layer between them
is missing. In a block that is called in several places it must hold in all of them. Remedy:
leave it out, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.flat import Layer
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Edit, Fix, Label
from dlc.compiler.lints._chains import DROPPING, MOVING, Chains, chains_of
from dlc.compiler.source import Span

CODE = code("W0130")

_NEVER_NEGATIVE = frozenset(
    {"relu", "relu6", "sigmoid", "hardsigmoid", "softmax", "softplus", "square", "exp", "abs"}
)
_KEEPING = frozenset(f"max_pool{rank}d" for rank in (1, 2, 3))


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    places: dict[Span, list[Layer]] = {}
    for layer in chains.of_kinds(("relu",)):
        if layer.node.span is not None:
            places.setdefault(layer.node.span, []).append(layer)
    for place, layers in places.items():
        before = [_never_negative(chains, layer) for layer in layers]
        first = before[0]
        if first is None or any(one is None for one in before):
            continue
        fix = _removal(chains, layers[0], place)
        label = (Label(first.node.span, "never negative"),) if first.node.span is not None else ()
        yield Diagnostic(
            CODE,
            f"`{layers[0].path}` changes nothing: what `{first.node.kind}` gives is never negative",
            Label(place),
            label,
            help=None if fix else "leave it out, or put a layer between them",
            fix=fix,
        )


def _never_negative(chains: Chains, layer: Layer) -> Layer | None:
    """What makes the numbers that the layer takes, where none of them is negative."""
    found = chains.before(layer, MOVING | DROPPING | _KEEPING)
    return found if found is not None and found.node.kind in _NEVER_NEGATIVE else None


def _removal(chains: Chains, layer: Layer, call: Span) -> Fix | None:
    """The call taken out of its chain, or its line where it stands alone there behind the layer
    that it reads, so that no list of layers is left empty."""
    text, before = call.source.text, chains.source(layer.values[0])
    head = text[: call.start]
    if head.rstrip(" ").endswith("->"):
        start = len(head.rstrip(" ")[:-2].rstrip(" "))
        return Fix("leave it out", (Edit(Span(call.source, start, call.end), ""),))
    above = before.node.span if before is not None else None
    if above is None or above.source is not call.source or above.end > call.start:
        return None
    number = call.location.line
    line = call.source.line(number)
    # `relu:` of YAML has more below it: a name, an output.
    if line.strip() not in (call.text, f"- {call.text}") or call.text.endswith(":"):
        return None
    if _indent(line) != _indent(call.source.line(above.location.line)):
        return None
    start = head.rfind("\n") + 1
    end = min(start + len(line) + 1, len(text))
    return Fix("leave it out", (Edit(Span(call.source, start, end), ""),))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
