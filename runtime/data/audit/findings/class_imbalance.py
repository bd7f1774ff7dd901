"""Classes of very different sizes.

A network that always answers with the largest class has a fine accuracy already, and the loss
of a rare class hardly counts. Remedy: weights that make every class count the same, classes
drawn equally often (`data.balance`), a metric that sees them (`f1(..., average=macro)`). Where
the file is as skewed as the world is, and the cost of every mistake is the same, leave it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Classes, Facts
from dlc.runtime.data.audit.findings.base import Finding, figure, share

CODE = code("W0208")

_RATIO = 5.0


def check(facts: Facts) -> Iterator[Finding]:
    data = facts.compilation.settings.data
    for target, classes in facts.classes.items():
        counts = classes.counts
        if len(counts) < 2 or counts.min() == 0 or counts.max() < _RATIO * counts.min():
            continue
        losses = [t.loss for t in facts.compilation.settings.loss if target in t.loss.names]
        if any(_is_weighted(loss) for loss in losses) or (data and data.balance == target):
            continue
        weights = balancing_weights(classes)
        low, high = int(counts.argmin()), int(counts.argmax())
        yield Finding(
            code=CODE,
            message=f"class `{classes.names[high]}` of `{target}` is "
            f"{figure(round(counts[high] / counts[low], 1))} times as frequent as "
            f"`{classes.names[low]}`",
            about=target,
            notes=(
                f"`{classes.names[high]}` {share(int(counts[high]), int(counts.sum()))} of the "
                f"rows, `{classes.names[low]}` {share(int(counts[low]), int(counts.sum()))}",
            ),
            help=_help(target, losses, len(counts)),
            numbers={"weights": dict(zip(classes.names, weights, strict=True))},
        )


def balancing_weights(classes: Classes) -> list[float]:
    """Factors that make every class count the same, their mean over the rows being 1."""
    counts = np.maximum(classes.counts, 1)
    weights = counts.sum() / (len(counts) * counts)
    return [float(f"{weight:.3g}") for weight in weights]


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
