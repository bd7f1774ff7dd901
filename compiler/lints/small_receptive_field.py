"""A convolutional network whose units see less than half of the picture.

A unit of the last map sees a window that grows by (kernel - 1) · stride so far with every
layer. Where the maps are averaged afterwards, the network is a bag of such windows: it cannot
tell how they lie to each other, and an object that is larger is never seen whole (Luo et al.,
"Understanding the effective receptive field in deep convolutional neural networks", 2016, find
that it is even smaller in effect). Remedy: strides or pools early on, more layers, larger
kernels, or dilation.

A pool whose map is read beside it as well weighs channels (squeeze and excitation), and decides
nothing. Where anything mixes all places, attention say, every unit sees the whole picture.
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

_POOLS = frozenset(
    {"global_avg_pool", "global_max_pool", "mean"}
    | {f"adaptive_{how}_pool{rank}d" for how in ("avg", "max") for rank in (1, 2, 3)}
)
# What keeps the sides of a map, and yet lets a place see others.
_MIXING = frozenset(
    {
        *("linear", "bilinear", "matmul", "einsum", "multihead_attention", "cumsum", "roll"),
        *("scaled_dot_product_attention", "rnn", "lstm", "gru", "softmax", "log_softmax"),
    }
)
# What changes the sides of a map, and not what a place of it sees; never less than it sees.
_RESIZING = frozenset(
    {"interpolate", "pad", "crop", *(f"conv_transpose{rank}d" for rank in (1, 2, 3))}
)
_SEES = 0.45
# In small pictures there is little beside the object.
_LEAST_SIDE = 32


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    if not any(isinstance(term.loss, ClassLoss) for term in compilation.settings.loss):
        return
    chains = chains_of(compilation)
    inputs = frozenset(compilation.program.graph.inputs)
    for layer in chains.of_kinds(_POOLS):
        if layer.node.span is None or not _decides(chains, layer):
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
        grown = _grown(chains, layer, n)
        if grown is None:
            return None
        for given in layer.values:
            if chains.flat.types[given].rank < 3:
                continue
            fields[given] = max(fields.get(given, 0), grown)
            if given in inputs:
                found = given, fields[given]
    return found


def _decides(chains: Chains, pool: Layer) -> bool:
    """Whether a layer pools a map of pictures to one place, and nothing else reads the map."""
    value = pool.values[0]
    sides = chains.flat.types[value].shape[2:]
    if not sides or all(side == 1 for side in sides):
        return False
    if pool.node.kind == "mean" and len(sides) < 2:
        # A text of vectors: its second dim is the place.
        return False
    left = chains.flat.types[pool.outputs[0]].shape[2:]
    return all(side == 1 for side in left) and all(
        reader.node.kind in _POOLS for reader in chains.readers(value)
    )


def _grown(chains: Chains, layer: Layer, places: int) -> int | None:
    """How many places of its input so many of a layer's result see; None for all."""
    kind, op = layer.node.kind, layer.node.op
    if kind in _RESIZING:
        return places
    window: tuple[int, ...] | None = getattr(op, "window", None)
    strides: tuple[int, ...] | None = getattr(op, "strides", None)
    if window is not None and strides is not None:
        return (places - 1) * max(strides) + max(window)
    sides = chains.flat.types[layer.outputs[0]].shape[2:]
    maps = [value for value in layer.values if not _is_learned(chains, value)]
    kept = all(
        chains.flat.types[value].shape[2:] == sides
        for value in maps
        if chains.flat.types[value].rank > 2
    )
    return places if kept and kind not in _MIXING else None


def _is_learned(chains: Chains, value: str) -> bool:
    """Whether a value is a parameter or a constant: the same whatever the picture."""
    source = chains.source(value)
    return source is not None and not source.values
