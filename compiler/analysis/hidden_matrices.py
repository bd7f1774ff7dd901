"""The matrices between hidden layers: what Muon is for."""

from __future__ import annotations

from dlc.compiler.analysis.flat import flatten, producers
from dlc.compiler.ir.graph import Program

# Layers whose matrices carry one hidden vector into another. Tables of embeddings and
# parameters of their own have two dims as well, and are none.
_KINDS = (
    *("linear", "multihead_attention", "rnn", "lstm", "gru"),
    *("rnn_cell", "lstm_cell", "gru_cell"),
)


def hidden_matrices(program: Program) -> tuple[str, ...]:
    """The paths of the weights with two dims that neither are tables of embeddings nor make an
    output; shared ones belong to the layer that made them."""
    flat = flatten(program)
    made = producers(flat)
    last: set[str] = set()
    reached: set[str] = set()
    waiting = list(flat.outputs.values())
    while waiting:
        value = waiting.pop()
        layer = made.get(value)
        if layer is None or value in reached:
            continue
        reached.add(value)
        if any(len(parameter.shape) >= 2 for _, parameter in layer.parameters):
            last |= {key for key, _ in layer.parameters}
        else:
            waiting += layer.values
    return tuple(
        key
        for layer in flat.layers
        if layer.own and layer.node.kind in _KINDS
        for key, parameter in layer.parameters
        if parameter.role == "weight" and len(parameter.shape) == 2 and key not in last
    )
