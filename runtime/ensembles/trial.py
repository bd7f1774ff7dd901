"""Whether members of an ensemble are trained side by side: a short trial at the start.

It runs on copies of the members, so that neither weights nor the random state of a run are
touched, with the first batch that each member would take.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dlc.runtime.ensembles.stacked import Batch, LossFunction, Stacked
from dlc.runtime.inference.model_files import first_line

# A gradient may differ by the order of its sums, relative to the greatest of its tensor.
_TOLERANCE = 1e-3
_WARM_UPS = 2
_ROUNDS = 5
#: The optimizer steps of a member that the trial takes the time of, about; it is made for runs
#: that are ten times as long.
TRIAL_STEPS = 2 * (_WARM_UPS + _ROUNDS)
# What is gained must be more than noise.
_LEAST_GAIN = 1.1


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether members are trained together; `why` they are not, or `gain`, the time of a step of
    all of them one after another over that of a step together, where it was measured."""

    together: bool
    why: str = ""
    gain: float | None = None


def try_together(
    models: Sequence[nn.Module],
    batches: Sequence[Batch],
    loss: LossFunction,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    *,
    measure: bool,
) -> Verdict:
    """Compares a step of all members at once with one after another: the gradients, and with
    `measure` the time. `models` are in training mode."""
    try:
        if not _agree(models, batches, loss):
            return Verdict(together=False, why="its gradients side by side are others than alone")
        if not measure:
            return Verdict(together=True)
        gain = _gain(models, batches, loss, optimizer)
    # Whatever an op says that cannot be vectorized, or memory that does not hold all members.
    except RuntimeError as error:
        return Verdict(together=False, why=first_line(error))
    if gain < _LEAST_GAIN:
        why = f"a step of all members takes {1 / gain:.2g} times as long as one after another"
        return Verdict(together=False, why=why, gain=gain)
    return Verdict(together=True, gain=gain)


def _agree(models: Sequence[nn.Module], batches: Sequence[Batch], loss: LossFunction) -> bool:
    """Whether gradients and buffers come out alike, without the draws of dropout."""
    alone, both = [_quiet(model) for model in models], [_quiet(model) for model in models]
    Stacked(both, loss).gradients([(1.0, batches)])
    for model, twin, (inputs, targets) in zip(alone, both, batches, strict=True):
        loss(model(**inputs), targets).backward()  # type: ignore[no-untyped-call]
        pairs = [
            (p.grad, t.grad) for p, t in zip(model.parameters(), twin.parameters(), strict=True)
        ]
        pairs += list(zip(model.buffers(), twin.buffers(), strict=True))
        if not all(_alike(expected, found) for expected, found in pairs):
            return False
    return True


def _quiet(model: nn.Module) -> nn.Module:
    """A copy that draws nothing: in evaluation mode but for batch norms."""
    twin = copy.deepcopy(model)
    training = [m.training and isinstance(m, _BatchNorm) for m in twin.modules()]
    for module, mode in zip(twin.modules(), training, strict=True):
        module.training = mode
    return twin


def _alike(expected: torch.Tensor | None, found: torch.Tensor | None) -> bool:
    if expected is None or found is None:
        return expected is found
    greatest = float(expected.abs().max()) if expected.numel() else 0.0
    return bool(torch.allclose(found, expected, rtol=0.0, atol=_TOLERANCE * greatest + 1e-12))


def _gain(
    models: Sequence[nn.Module],
    batches: Sequence[Batch],
    loss: LossFunction,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer],
) -> float:
    """The time of a step of all one after another over that of a step together; the least of
    some rounds each, which other work on the machine disturbs least."""
    alone, both = [copy.deepcopy(m) for m in models], [copy.deepcopy(m) for m in models]
    stacked = Stacked(both, loss)
    steps_alone, steps_both = [optimizer(m) for m in alone], [optimizer(m) for m in both]

    def one_after_another() -> None:
        for model, step, (inputs, targets) in zip(alone, steps_alone, batches, strict=True):
            loss(model(**inputs), targets).backward()  # type: ignore[no-untyped-call]
            step.step()
            step.zero_grad(set_to_none=True)

    def together() -> None:
        stacked.gradients([(1.0, batches)])
        for step in steps_both:
            step.step()
            step.zero_grad(set_to_none=True)

    ways = (one_after_another, together)
    for way in ways * _WARM_UPS:
        way()
    device = next(alone[0].parameters()).device
    times: dict[Callable[[], None], list[float]] = {way: [] for way in ways}
    for way in ways * _ROUNDS:
        times[way].append(_seconds(way, device))
    return min(times[one_after_another]) / min(times[together])


def _seconds(way: Callable[[], None], device: torch.device) -> float:
    _wait(device)
    began = time.perf_counter()
    way()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.get_device_module(device).synchronize(device)
