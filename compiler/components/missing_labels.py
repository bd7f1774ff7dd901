"""Labels that a row of several tasks may lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.ir.types import TensorType


def missing_labels(
    losses: Sequence[Loss], targets: Mapping[str, TensorType]
) -> dict[str, int | None]:
    """The targets whose labels may be missing, each with the class number that stands for one
    that is; None where that is NaN.

    Those are the targets of a loss with several: a row teaches the tasks whose labels it has.
    All terms that read a target must be able to leave rows out, and agree in the number.
    """
    read = {name for loss in losses for name in loss.names if name in targets}
    found: dict[str, int | None] = {}
    for target in targets if len(read) > 1 else ():
        terms = [loss for loss in losses if target in loss.names]
        if not terms:
            continue
        if targets[target].dtype.is_int:
            numbers = {t.ignore_index if isinstance(t, ClassLoss) else None for t in terms}
            if len(numbers) == 1 and None not in numbers:
                found[target] = numbers.pop()
        elif targets[target].dtype.is_float and all(t.neutral is not None for t in terms):
            found[target] = None
    return found
