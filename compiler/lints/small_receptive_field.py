"""A convolutional network whose units see less than half of the picture.

A unit of the last map sees a window that grows by (kernel - 1) · stride so far with every
layer. Where the maps are averaged afterwards, the network is a bag of such windows: it cannot
tell how they lie to each other, and an object that is larger is never seen whole (Luo et al.,
"Understanding the effective receptive field in deep convolutional neural networks", 2016, find
that it is even smaller in effect). Remedy: strides or pools early on, more layers, larger
kernels, or dilation.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.flat import Layer
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import Chains, chains_of

CODE = code("W0129")

_POOLS = ("global_avg_pool", "global_max_pool")
_SEES = 0.45
# In small pictures there is little beside the object.
_LEAST_SIDE = 32


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    if not any(isinstance(term.loss, ClassLoss) for term in compilation.settings.loss):
        return
    chains = chains_of(compilation)
    inputs = frozenset(compilation.program.graph.inputs)
    for layer in chains.of_kinds(_POOLS):
        if layer.node.span is None:
            continue
        seen = _window(chains, layer.values[0], inputs)
        if seen is None:
            continue
        value, field = seen
        sides = chains.flat.types[value].shape[2:]
        known = [side for side in sides if isinstance(side, int)]
        if len(known) != len(sides) or min(known, default=0) < _LEAST_SIDE:
            continue
        if field >= _SEES * min(known):
            continue
        yield Diagnostic(
            CODE,
            f"a unit before `{layer.path}` sees {field} of the {min(known)} places of a side",
            Label(layer.node.span),
            help="take strides or pools early on, more layers, larger kernels, or dilation",
        )


def _window(chains: Chains, value: str, inputs: frozenset[str]) -> tuple[str, int] | None:
    """The picture that a map is made of, and the side of the window that a place of it sees: the
    largest over all ways. None where something mixes all places."""
    # Backwards: each layer turns n places of its result into (n - 1) · stride + window.
    fields: dict[str, int] = {value: 1}
    found: tuple[str, int] | None = None
    for layer in reversed(chains.layers):
        n = max((fields[output] for output in layer.outputs if output in fields), default=0)
        if not n:
            continue
        grown = _grown(layer, n)
        if grown is None:
            return None
        for given in layer.values:
            if chains.flat.types[given].rank < 3:
                continue
            fields[given] = max(fields.get(given, 0), grown)
            if given in inputs:
                found = given, fields[given]
    return found


def _grown(layer: Layer, places: int) -> int | None:
    kind, op = layer.node.kind, layer.node.op
    if kind.startswith(("conv_transpose", "interpolate")):
        return places
    if kind.startswith(("linear", "flatten", "multihead", "adaptive", "global", "reshape")):
        return None
    window: tuple[int, ...] | None = getattr(op, "window", None)
    strides: tuple[int, ...] | None = getattr(op, "strides", None)
    if window is None or strides is None:
        return places
    return (places - 1) * max(strides) + max(window)
