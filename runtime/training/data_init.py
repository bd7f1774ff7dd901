"""The start of a run that needs data: biases from targets, weights scaled by signals.

The generated module starts without data. What its spec asks for beyond that is made here,
once, before the first step of a new run: a run that is gone on with has it in its weights.
Everything is decided by the weights, the data and the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dlc.compiler.codegen import identifiers
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.components.settings import Head
from dlc.runtime.failures import failure
from dlc.runtime.training.lsuv import scale_layers
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.samples import Rows, Samples

Array: TypeAlias = npt.NDArray[Any]
Say: TypeAlias = Callable[[str], None]


def initialize_from_data(
    model: torch.nn.Module,
    plan: Plan,
    *,
    samples: Samples,
    targets: Mapping[str, Array],
    rows: Rows,
    batch_size: int,
    say: Say,
    loaded: Collection[str] = (),
) -> None:
    """Fills what starts from data, in place; `rows` are the training part, `targets` hold all
    rows by name. Parameters in `loaded` have trained values already and keep them. Raises
    `Failure` E0606 where a target has no value."""
    layers = tuple(layer for layer in plan.scaled if layer.weight not in loaded)
    if layers:
        # Before the biases: they would count as variance between units.
        scale_layers(
            model,
            layers,
            samples=samples,
            rows=rows,
            seed=plan.settings.train.seed,
            batch_size=batch_size,
            say=say,
        )
    for head in plan.heads:
        key = identifiers.module_path(head.bias)
        if key not in loaded:
            _require_target(head, targets)
            bias, text = head_bias(head, targets[head.loss.names[1]][rows])
            parameter = model.get_parameter(key)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(np.broadcast_to(bias, parameter.shape).copy()))
            say(f"`{head.bias}` starts at {text}")


def _require_target(head: Head, targets: Mapping[str, Array]) -> None:
    if head.loss.names[1] not in targets:
        raise failure(
            "E0312",
            f"`{head.bias}` starts from the values of `{head.loss.names[1]}`, which are made "
            "batch by batch",
            help="start it at zeros: `bias_init=zeros`",
        )


def head_bias(head: Head, target: Array) -> tuple[Array, str]:
    """The bias of an output, a number for each unit, and what it is in words. `target` has the
    rows of the training part. Raises `Failure` E0606 where it has no value."""
    loss = head.loss
    if head.initializer.name == "target_mean":
        return _mean(target, head)
    if isinstance(loss, ClassLoss):
        return _class_prior(target, loss, head)
    assert isinstance(loss, BinaryCrossEntropyWithLogits)
    return _binary_prior(target, loss, head)


def _mean(target: Array, head: Head) -> tuple[Array, str]:
    values, known = _by_unit(target, head.axis)
    count = known.sum(axis=1)
    _require_values(int(count.sum()), head)
    # A unit without a single value has no loss either: it stays at 0.
    mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    shown = f"{mean[0]:.6g}" if len(mean) == 1 else f"one for each of {len(mean)} units"
    return mean, f"the mean of `{head.loss.names[1]}`, {shown}"


def _class_prior(target: Array, loss: ClassLoss, head: Head) -> tuple[Array, str]:
    if target.dtype.kind == "f":
        values, known = _by_unit(target, 1)
        whole = known.all(axis=0)
        counts, labels = values[:, whole].sum(axis=1), int(whole.sum())
    else:
        numbers = target.reshape(-1)
        numbers = numbers[numbers != loss.ignore_index]
        counts, labels = np.bincount(numbers).astype(np.float64), len(numbers)
    _require_values(labels, head)
    classes = head.units
    counts = np.pad(counts, (0, classes - len(counts)))
    smoothing = getattr(loss, "label_smoothing", 0.0)
    mass = (1.0 - smoothing) * counts + smoothing * labels / classes
    mass *= np.ones(classes) if loss.factors is None else np.array(loss.factors)
    # Else a class that does not occur would begin at minus infinity.
    mass[mass <= 0.0] = mass.sum() / labels or 1.0
    bias: Array = np.log(mass / mass.sum())
    return bias, f"the shares of {classes} classes among {labels:,} labels of `{loss.target}`"


def _binary_prior(
    target: Array, loss: BinaryCrossEntropyWithLogits, head: Head
) -> tuple[Array, str]:
    factor = np.ones(1) if loss.factors is None else np.array(loss.factors)
    # `pos_weight` runs over the last dim, whichever counts the units.
    factors, _ = _by_unit(np.broadcast_to(factor, target.shape), head.axis)
    values, known = _by_unit(target, head.axis)
    count = int(known.sum())
    _require_values(count, head)
    yes = np.where(known, values * factors, 0.0).sum(axis=1)
    no = np.where(known, 1.0 - values, 0.0).sum(axis=1)
    sampled = known.any(axis=1)
    # One sample where there is none, so that no bias is infinite.
    yes[yes <= 0.0] = 1.0
    no[no <= 0.0] = 1.0
    bias = np.where(sampled, np.log(yes / no), 0.0)
    shown = f"{len(bias)} answers" if len(bias) > 1 else "yes"
    share = "shares" if len(bias) > 1 else "share"
    return bias, f"the {share} of {shown} among {count:,} labels of `{loss.target}`"


def _by_unit(target: Array, axis: int | None) -> tuple[Array, npt.NDArray[np.bool_]]:
    """[units, values] in float64, and which of them are there: a missing one is NaN."""
    values = np.asarray(target, np.float64)
    if axis is None:
        values = values.reshape(1, -1)
    else:
        values = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return values, ~np.isnan(values)


def _require_values(count: int, head: Head) -> None:
    if count == 0:
        target = head.loss.names[1]
        raise failure(
            "E0606",
            f"the training part has no value of `{target}`, from which `{head.bias}` starts",
            help="look at the column of the target and at `data.split`; or start it at zeros: "
            "`bias_init=zeros`",
        )
