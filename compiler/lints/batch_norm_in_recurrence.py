"""Batch norm over what a recurrent layer gives.

Its statistics mix all places of a sequence, padding among them, and differ from place to place;
at use a sequence may be longer than any in training (Ba, Kiros and Hinton, "Layer
normalization", 2016). Remedy: `layer_norm`, or weight norm on the layers (`weight_norm: true`).
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import DROPPING, MOVING, chains_of

CODE = code("W0123")

_NORMS = tuple(f"batch_norm{rank}d" for rank in (1, 2, 3))
_RECURRENT = frozenset({"rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    for layer in chains.of_kinds(_NORMS):
        before = chains.before(layer, MOVING | DROPPING)
        if before is None or before.node.kind not in _RECURRENT or layer.node.span is None:
            continue
        if chains.flat.types[before.outputs[0]].rank < 3 and not before.node.kind.endswith("_cell"):
            continue
        yield Diagnostic(
            CODE,
            f"`{layer.node.kind}` mixes all places of the sequence that `{before.path}` gives",
            Label(layer.node.span),
            help="use `layer_norm`",
        )
