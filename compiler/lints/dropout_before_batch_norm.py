"""Dropout right before a batch norm.

Dropout keeps the mean of a signal and raises its variance, and only while training: the running
variance that the norm has collected is too large for what comes in afterwards, and the more so
the higher the rate (Li, Chen, Hu and Yang, "Understanding the disharmony between dropout and
batch normalization by variance shift", 2019). Remedy: dropout behind the norm and its
activation, or behind the last norm of all.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import DROPPING, MOVING, RECTIFIERS, SATURATING, chains_of

CODE = code("W0122")

_NORMS = tuple(f"batch_norm{rank}d" for rank in (1, 2, 3))


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    for layer in chains.of_kinds(_NORMS):
        before = chains.before(layer, MOVING | RECTIFIERS | SATURATING)
        if before is None or before.node.kind not in DROPPING or before.node.span is None:
            continue
        norm = layer.node.span
        yield Diagnostic(
            CODE,
            f"`{layer.node.kind}` learns the variance of what `{before.node.kind}` leaves, and "
            "meets another one when it is off",
            Label(before.node.span),
            (Label(norm, "the norm"),) if norm is not None else (),
            help="put dropout behind the norm and its activation",
        )
