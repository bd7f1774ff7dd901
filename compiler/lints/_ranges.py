"""Which numbers an output can hold, for the lints about losses."""

from __future__ import annotations

from dlc.compiler.analysis.flat import Layer
from dlc.compiler.lints._chains import DROPPING, MOVING, Chains

#: What gives numbers of either sign.
EITHER_SIGN = frozenset(
    {
        *("linear", "bilinear", "conv1d", "conv2d", "conv3d", "matmul", "tanh"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("batch_norm1d", "batch_norm2d", "batch_norm3d", "layer_norm", "group_norm", "rms_norm"),
        *("rnn", "gru", "lstm"),
    }
)
# What takes some of the numbers, or a mean of them.
_PICKING = frozenset({"chunk", "split", "slice", "select", "mean", "global_avg_pool"})


def origin(chains: Chains, output: str) -> Layer | None:
    """The layer that decides which sign an output has: layers that move numbers, pick some of
    them or add and multiply by a number above 0 are passed by. None where that is an input."""
    value = chains.flat.outputs.get(output)
    layer = None if value is None else chains.source(value)
    while layer is not None and layer.values and _passes(layer):
        layer = chains.source(layer.values[0])
    return layer


def _passes(layer: Layer) -> bool:
    kind = layer.node.kind
    if kind in ("add", "mul"):
        # Without a second tensor there is a number.
        scalar = getattr(layer.node.op, "scalar", None)
        return len(layer.values) == 1 and scalar is not None and scalar > 0
    return kind in MOVING or kind in DROPPING or kind in _PICKING
