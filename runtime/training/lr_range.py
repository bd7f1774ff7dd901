"""The learning-rate range test: a short run whose rate rises from step to step.

Where the loss falls fastest a rate does most good; where it is least, the rate is already too
large to begin with. Source: Smith, "Cyclical learning rates for training neural networks" (2015),
section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dlc.runtime.failures import failure
from dlc.runtime.training import optimizer_state
from dlc.runtime.training.assembly import (
    Load,
    augmenter_of,
    build_model,
    epochs_for,
    samples_for,
)
from dlc.runtime.training.engine.execution import Execution
from dlc.runtime.training.engine.traits import is_static
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.session import initialize, prepare_for
from dlc.runtime.training.settled_run import choices_by_rule
from dlc.runtime.training.step import Step

_KEPT = 0.9  # of the running mean of the loss, each step
_DIVERGED = 4.0  # times the least smoothed loss


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The rates that were tried, with the loss before each step, as it was and smoothed.

    `steepest` is the rate where the smoothed loss falls fastest over the logarithm of the
    rate, `lowest` where it is least; `diverged` says that the test ended before its last rate.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    steepest: float | None
    lowest: float
    diverged: bool


def sweep(
    plan: Plan,
    *,
    load: Load,
    device: torch.device,
    low: float,
    high: float,
    steps: int,
    say: Callable[[str], None],
) -> Sweep:
    """Tries `steps` rates between `low` and `high`, at equal factors, on the batches that
    training would begin with. Writes nothing. Raises `Failure`."""
    _refuse_searching(plan)
    module = load(plan.source)
    data = prepare_for(plan)
    model = build_model(module, plan.settings.train.seed).to(device)
    samples = samples_for(plan, data, device)
    epochs = epochs_for(plan, data, samples)
    augmenter = augmenter_of(plan, data, samples)
    choices = choices_by_rule(plan, model, augmenter or samples, epochs, device)
    initialize(plan, model, samples, data, epochs.batch_size, say)
    optimizer = module.optimizer(model)
    optimizer_state.use_fused(optimizer)
    base = optimizer.defaults["lr"] if "lr" in optimizer.defaults else _learning_rate(plan)
    rates = [low * (high / low) ** (step / (steps - 1)) for step in range(steps)]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rates[min(step, steps - 1)] / base
    )
    step = Step(
        execution=Execution(model, choices, device, static=is_static(plan)),
        loss=module.loss,
        optimizer=optimizer,
        schedule=schedule,
        train=plan.settings.train,
        penalty=getattr(module, "penalty", None),
        constrain=getattr(module, "constrain", None),
    )
    model.train()
    losses: list[float] = []
    smoothed: list[float] = []
    mean, epoch, first = 0.0, 0, epochs.usable
    while len(losses) < steps:
        if first >= epochs.usable:
            order = epochs.order(epoch)
            take = (augmenter or samples).in_order(order, epoch)
            epoch, first = epoch + 1, 0
        end = min(first + epochs.group, epochs.usable)
        loss = float(step(take, first, end, epochs.batch_size)[0])
        first = end
        if not math.isfinite(loss):
            break
        losses.append(loss)
        mean = _KEPT * mean + (1 - _KEPT) * loss
        smoothed.append(mean / (1 - _KEPT ** len(losses)))
        if smoothed[-1] > _DIVERGED * min(smoothed):
            break
    if not losses:
        raise failure(
            "E0609",
            f"the loss is not finite before the first step, whose rate is {low:g}",
            help="look at the data: `dlc data`",
        )
    return _judged(rates[: len(losses)], losses, smoothed, diverged=len(losses) < steps)


def _learning_rate(plan: Plan) -> float:
    assert plan.settings.optimizer is not None
    return plan.settings.optimizer.learning_rate


def _refuse_searching(plan: Plan) -> None:
    optimizer = plan.settings.optimizer
    if optimizer is not None and optimizer.closure:
        raise failure(
            "E0311",
            f"a range test moves by one gradient a step, and `{optimizer.name}` by many",
            help="its `lr` of 1 needs no test",
        )


def _judged(
    rates: list[float], losses: list[float], smoothed: list[float], *, diverged: bool
) -> Sweep:
    lowest = int(np.argmin(smoothed))
    steepest: float | None = None
    if lowest >= 2:
        slopes = np.gradient(np.array(smoothed), np.log(np.array(rates)))[: lowest + 1]
        place = int(np.argmin(slopes))
        steepest = rates[place] if slopes[place] < 0 else None
    return Sweep(
        rates=tuple(rates),
        losses=tuple(losses),
        smoothed=tuple(smoothed),
        steepest=steepest,
        lowest=rates[lowest],
        diverged=diverged,
    )
