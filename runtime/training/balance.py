"""The factors of a loss that undo the imbalance of the training part.

A spec says `balanced`; the spec that a run is made of says the numbers. So they are in
`resolved.yaml`, in `model.py` and in the metadata of an exported file, and whoever reads
these needs no data. Source: King and Zeng, "Logistic Regression in Rare Events Data" (2001),
as scikit-learn's `class_weight="balanced"` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.compiler import compile_balanced
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import failure
from dlc.runtime.training.plan import Plan, plan_of

Array: TypeAlias = npt.NDArray[Any]
Say: TypeAlias = Callable[[str], None]


def balanced(plan: Plan, data: DataSet, say: Say | None = None) -> Plan:
    """The plan with numbers for what is `balanced` in its losses. Raises `Failure` E0606 where
    the training part has no label."""
    losses = [term.loss for term in plan.settings.loss if term.loss.balanced]
    if not losses:
        return plan
    factors = []
    for loss in losses:
        found = _factors(loss, _labels(data, loss), plan)
        if say is not None:
            say(f"`{loss.name}` of `{loss.names[1]}` is balanced: {_shown(found)}")
        factors.append(found)
    compilation = compile_balanced(plan.resolved, plan.root, factors)
    return plan_of(compilation, generate(compilation))


def _labels(data: DataSet, loss: Loss) -> Array:
    """The target of a loss in the training part, `[rows, ...]`."""
    values = data.arrays[loss.names[1]]
    # Only an objective makes labels that differ in number, and its are not balanced.
    assert not isinstance(values, Ragged)
    return values[data.division.train]


def _factors(loss: Loss, labels: Array, plan: Plan) -> list[float]:
    if isinstance(loss, ClassLoss):
        return _of_classes(loss, labels, plan)
    assert isinstance(loss, BinaryCrossEntropyWithLogits)
    return _of_answers(loss, labels)


def _of_classes(loss: ClassLoss, labels: Array, plan: Plan) -> list[float]:
    types = plan.types
    pair = Pair(loss.name, loss.input, types[loss.input], loss.target, types[loss.target])
    if labels.dtype.kind == "f":
        shares = np.moveaxis(labels.astype(np.float64), 1, -1)
        counts = shares.reshape(-1, shares.shape[-1]).sum(axis=0)
    else:
        classes = pair.x.shape[pair.class_dim()]
        assert isinstance(classes, int)
        numbers = labels.reshape(-1)
        counts = np.bincount(numbers[numbers != loss.ignore_index], minlength=classes)
    _require(loss, counts.sum())
    # A class that training does not meet has no imbalance to undo.
    met = counts > 0
    weights = np.ones(len(counts))
    weights[met] = counts.sum() / (met.sum() * counts[met])
    return [float(weight) for weight in weights]


def _of_answers(loss: BinaryCrossEntropyWithLogits, labels: Array) -> list[float]:
    values = labels.astype(np.float64)
    values = values if values.ndim == 2 else values.reshape(-1, 1)
    yes, no = np.nansum(values, axis=0), np.nansum(1 - values, axis=0)
    _require(loss, (yes + no).sum())
    both = (yes > 0) & (no > 0)
    factors = np.ones(len(yes))
    factors[both] = no[both] / yes[both]
    return [float(factor) for factor in factors]


def _require(loss: Loss, count: float) -> None:
    if not count:
        raise failure(
            "E0606",
            f"the training part has no value of `{loss.names[1]}`, whose classes `{loss.name}` "
            "is to balance",
            help="look at the column of the target and at `data.split`",
        )


def _shown(factors: list[float]) -> str:
    few = ", ".join(f"{factor:.4g}" for factor in factors[:10])
    return few + (f", ... ({len(factors)} in all)" if len(factors) > 10 else "")
