"""Weights that start far too large or too small.

A unit's mean square is fan_in · E[w²] times that of its inputs: with a factor of 100
activations sit at their ends and losses in the thousands, with a thousandth signals are gone
after a few layers. Nothing is said where a norm layer follows, which takes the factor away
again, nor of an output, which may well start near zero. Remedy: `kaiming_normal` or
`xavier_normal`, which know the fan in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import DROPPING, MOVING, WEIGHTED, chains_of, sizes, weight_of

CODE = code("W0121")

_LARGE, _SMALL = 100.0, 1e-3
_NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    for layer in chains.of_kinds(WEIGHTED):
        weight, after = weight_of(layer), chains.follower(layer, MOVING | DROPPING)
        if weight is None or after is None or layer.node.span is None:
            continue
        if not isinstance(weight.initializer, Initializer) or after.node.kind.startswith(_NORMS):
            continue
        shape = sizes(weight)
        square = weight.initializer.mean_square(shape)
        if not square:
            continue
        factor = math.prod(shape[1:]) * square
        if _SMALL <= factor <= _LARGE:
            continue
        yield Diagnostic(
            CODE,
            f"the weights of `{layer.path}` start at {math.sqrt(square):.2g} (root mean square), "
            f"which changes signals by {math.sqrt(factor):.2g}",
            Label(layer.node.span),
            help="start as `kaiming_normal` (relu) or `xavier_normal` (tanh), which keep signals "
            "at their size",
        )
