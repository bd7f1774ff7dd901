"""Classes of very different sizes.

A network that always answers with the largest class has a fine accuracy already, and the loss
of a rare class hardly counts. Remedy: weights that make every class count the same, classes
drawn equally often (`data.balance`), a metric that sees them (`f1(..., average=macro)`). Where
the file is as skewed as the world is, and the cost of every mistake is the same, leave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlc.compiler.analysis.data_profile import DataProfile
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.data_lints.base import Finding, figure, share
from dlc.compiler.diagnostics.catalog import code

CODE = code("W0208")

_RATIO = 5.0


def check(compilation: Compilation, profile: DataProfile) -> Iterator[Finding]:
    data = compilation.settings.data
    for target, classes in profile.classes.items():
        counts = list(classes.values())
        if len(counts) < 2 or min(counts) == 0 or max(counts) < _RATIO * min(counts):
            continue
        losses = [t.loss for t in compilation.settings.loss if target in t.loss.names]
        if any(_is_weighted(loss) for loss in losses) or (data and data.balance == target):
            continue
        high, low = (of(classes, key=lambda name: classes[name]) for of in (max, min))
        total = sum(counts)
        yield Finding(
            code=CODE,
            message=f"class `{high}` of `{target}` is "
            f"{figure(round(classes[high] / classes[low], 1))} times as frequent as `{low}`",
            about=target,
            notes=(
                f"`{high}` {share(classes[high], total)} of the rows, `{low}` "
                f"{share(classes[low], total)}",
            ),
            help=_help(target, losses, len(counts)),
            numbers={"weights": balancing_weights(classes)},
        )


def balancing_weights(classes: Mapping[str, int]) -> dict[str, float]:
    """Factors that make every class count the same, their mean over the rows being 1."""
    counts = {name: max(count, 1) for name, count in classes.items()}
    total = sum(counts.values())
    return {name: float(f"{total / (len(counts) * count):.3g}") for name, count in counts.items()}


def _is_weighted(loss: Loss) -> bool:
    if isinstance(loss, BinaryCrossEntropyWithLogits):
        return loss.pos_weight is not None
    return isinstance(loss, ClassLoss) and loss.weight is not None


def _help(target: str, losses: list[Loss], classes: int) -> str:
    balance = f"`balance: {target}` draws them equally often"
    for loss in losses:
        if isinstance(loss, BinaryCrossEntropyWithLogits) and classes == 2:
            return f"`pos_weight=balanced` in the loss undoes it, or {balance}"
        if isinstance(loss, ClassLoss):
            return f"`weight=balanced` in the loss undoes it, or {balance}"
    return balance + "; `profile.json` has the weights that undo it"
