"""A relu that changes nothing.

What comes out of relu, sigmoid, softmax, softplus or a square is never negative, and a relu
gives it back as it is. Mostly one of the two was meant to be another, or a layer between them
is missing. Remedy: leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import DROPPING, MOVING, chains_of

CODE = code("W0130")

_NEVER_NEGATIVE = frozenset(
    {"relu", "relu6", "sigmoid", "hardsigmoid", "softmax", "softplus", "square", "exp", "abs"}
)
_KEEPING = frozenset(f"max_pool{rank}d" for rank in (1, 2, 3))


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    for layer in chains.of_kinds(("relu",)):
        before = chains.before(layer, MOVING | DROPPING | _KEEPING)
        if before is None or before.node.kind not in _NEVER_NEGATIVE or layer.node.span is None:
            continue
        place = before.node.span
        yield Diagnostic(
            CODE,
            f"`{layer.path}` changes nothing: what `{before.node.kind}` gives is never negative",
            Label(layer.node.span),
            (Label(place, "never negative"),) if place is not None else (),
            help="leave it out, or put a layer between them",
        )
