"""A loss over signs whose target is 0 or 1.

`soft_margin_loss`, `hinge_embedding_loss`, `margin_ranking_loss` and `cosine_embedding_loss` want
1 for yes and -1 for no. PyTorch does not check: a target of 0 costs the same whatever the network
says, or counts as neither or as both, so that a no teaches nothing, or the wrong thing. Remedy:
store -1, or take the loss that wants 0 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.lints._sections import place

CODE = code("W0109")

_SIGNS = frozenset(
    {"soft_margin_loss", "hinge_embedding_loss", "margin_ranking_loss", "cosine_embedding_loss"}
)
# What wants 0 and 1 of its target.
_BITS = frozenset(
    {
        *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
        *("sigmoid_focal_loss", "multilabel_soft_margin_loss"),
    }
)


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    losses = [term.loss for term in compilation.settings.loss]
    targets = dict(compilation.program.targets)
    span = place(compilation, "loss")
    for loss in losses:
        target = getattr(loss, "target", "") if loss.name in _SIGNS else ""
        why = _never_negative(target, targets, losses)
        if why and span is not None:
            yield Diagnostic(
                CODE,
                f"`{loss.name}` wants 1 and -1, and {why}",
                Label(span),
                notes=("a target of 0 teaches nothing, or the wrong thing, and nothing fails",),
                help=_help(loss, target),
            )


def _never_negative(target: str, targets: dict[str, TensorType], losses: list[Loss]) -> str:
    """Why a target holds no -1; empty where it may."""
    if target not in targets:
        return ""
    if targets[target].dtype is DType.UINT8:
        return f"`{target}` is {targets[target]}, which has no -1"
    for other in losses:
        if target in other.names and other.name in _BITS:
            return f"`{other.name}` wants 0 and 1 of the same `{target}`"
        if target in other.names and isinstance(other, ClassLoss) and targets[target].dtype.is_int:
            return f"`{other.name}` takes `{target}` for class numbers, from 0 on"
    return ""


def _help(loss: Loss, target: str) -> str:
    if loss.name == "soft_margin_loss":
        return "use `binary_cross_entropy_with_logits`, the same loss over 0 and 1"
    return f"give it a target of its own beside `{target}`, of 1 and -1"
