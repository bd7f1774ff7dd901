"""A linear layer over a flattened picture that holds most of the network.

It has a weight for every unit, channel and place: 1000 units over 224 x 224 x 72 numbers are
3.6 billion, none of which is shared between places, so that a shifted picture is a new one.
Pooling the maps first leaves the channels, or a few places, and loses little (Lin, Chen and
Yan, "Network in network", 2014). Remedy: `global_avg_pool` in place of `flatten`, or
`adaptive_avg_pool2d` before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import DROPPING, chains_of, sizes, weight_of

CODE = code("W0127")

_LEAST = 10_000_000
_SHARE = 0.5
_SIDE = 3


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    total = compilation.program.parameter_count
    for layer in chains.of_kinds(("linear",)):
        weight, before = weight_of(layer), chains.before(layer, DROPPING)
        if weight is None or before is None or before.node.kind != "flatten":
            continue
        shape, maps = sizes(weight), chains.flat.types[before.values[0]].shape[1:]
        count = math.prod(shape)
        known = [size for size in maps if isinstance(size, int)]
        if layer.node.span is None or len(known) != len(maps) or len(maps) < 2:
            continue
        places = math.prod(known[1:])
        small = _SIDE ** (len(known) - 1)
        if count < _LEAST or count < _SHARE * total or places <= small:
            continue
        rank = len(known) - 1
        fewer = known[0] * small * shape[0]
        yield Diagnostic(
            CODE,
            f"`{layer.path}` has {count:,} of the {total:,} parameters",
            Label(layer.node.span),
            notes=(f"it has a weight for each of {places:,} places of {known[0]:,} channels",),
            help=f"put `adaptive_avg_pool{rank}d: {_SIDE}` before `flatten` ({fewer:,} weights), "
            "or `global_avg_pool` in its place",
        )
