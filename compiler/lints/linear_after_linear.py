"""Two linear layers with no nonlinearity between them.

W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2): the two are one linear layer, with more
parameters and a worse conditioned loss. A convolution is linear, too. Two that meet in fewer
units than both sides have are a factorization, as in the bottleneck of MobileNetV2 or the code
of an autoencoder, and grouped convolutions mix what they leave apart only with the next: these
are meant. Remedy: an activation between them, or one layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.flat import Layer
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import (
    DROPPING,
    MOVING,
    WEIGHTED,
    Chains,
    chains_of,
    sizes,
    weight_of,
)

CODE = code("W0115")

_TURNING = frozenset({"permute", "transpose"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    for layer in chains.of_kinds(WEIGHTED):
        follower = chains.follower(layer, MOVING | DROPPING)
        if follower is None or follower.node.kind not in WEIGHTED or follower.node.span is None:
            continue
        if _is_meant(layer, follower, turned=_turned(chains, layer, follower)):
            continue
        place = layer.node.span
        yield Diagnostic(
            CODE,
            f"`{layer.path}` and `{follower.path}` are one linear map: nothing is between them",
            Label(follower.node.span),
            (Label(place, "the first"),) if place is not None else (),
            help="put an activation between them, `relu` say, or leave one of them out",
        )


def _turned(chains: Chains, first: Layer, second: Layer) -> bool:
    """Whether the dims are put in another order between the two."""
    return chains.before(second, (MOVING | DROPPING) - _TURNING) is not first


def _is_meant(first: Layer, second: Layer, *, turned: bool) -> bool:
    one, two = weight_of(first), weight_of(second)
    if one is None or two is None:
        return True
    if any(getattr(layer.node.op, "groups", 1) > 1 for layer in (first, second)):
        return True
    # Along one axis after the other is a factorization: of a window, or of a map of two dims.
    if first.node.kind == second.node.kind and (turned or _cross(_window(first), _window(second))):
        return True
    middle = sizes(one)[1 if "transpose" in first.node.kind else 0]
    into, out = _inputs(first), sizes(two)[1 if "transpose" in second.node.kind else 0]
    return middle < into and middle < out


def _window(layer: Layer) -> tuple[int, ...]:
    return tuple(getattr(layer.node.op, "kernel", ()))


def _cross(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether each of two windows is the longer one along some axis."""
    pairs = list(zip(one, other, strict=True))
    return any(a > b for a, b in pairs) and any(a < b for a, b in pairs)


def _inputs(layer: Layer) -> int:
    weight = weight_of(layer)
    assert weight is not None
    shape = sizes(weight)
    return shape[0] if "transpose" in layer.node.kind else shape[1]
