"""A loss over probabilities that is given the plain result of a layer.

`nll_loss`, `kl_div` and `ctc_loss` take logarithms of probabilities, which are never positive
and sum to one when exponentiated; given logits `nll_loss` has no lower bound, and training runs
off to minus infinity. `binary_cross_entropy` takes probabilities, and its logarithm of anything
outside of 0 and 1 is NaN. Remedy: end in `log_softmax` or `sigmoid`, or take the loss that
applies it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import MOVING, PICKING, chains_of

CODE = code("W0106")

# What has no bound: its numbers are neither probabilities nor logarithms of them.
_UNBOUNDED = frozenset(
    {
        *("linear", "bilinear", "conv1d", "conv2d", "conv3d", "matmul", "layer_norm"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("batch_norm1d", "batch_norm2d", "batch_norm3d", "relu", "gelu", "silu", "tanh"),
    }
)
_WANTED = {
    "binary_cross_entropy": (
        "probabilities",
        "use `binary_cross_entropy_with_logits`, which applies the sigmoid itself",
    ),
    "nll_loss": (
        "log-probabilities",
        "use `cross_entropy`, which applies the log_softmax itself",
    ),
    "kl_div": ("log-probabilities", "put `log_softmax` behind it"),
    "ctc_loss": ("log-probabilities", "put `log_softmax` behind it"),
}


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    if not compilation.settings.loss:
        return
    chains = chains_of(compilation)
    for term in compilation.settings.loss:
        name = term.loss.names[0]
        layer = chains.end(name, MOVING | PICKING)
        node = layer.node if layer is not None else None
        if node is None or node.span is None or term.loss.name not in _WANTED:
            continue
        if node.kind in _UNBOUNDED:
            wanted, help = _WANTED[term.loss.name]
            yield Diagnostic(
                CODE,
                f"`{term.loss.name}` works on {wanted}, and `{name}` comes from `{node.kind}`",
                Label(node.span),
                notes=("the loss then has no lower bound, or is NaN",),
                help=help,
            )
