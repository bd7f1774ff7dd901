"""The processes that train one network together.

The trainer speaks to a `World` and never asks whether it is alone. This one is: each method
gives back what it got. `dlc.runtime.distributed.ranks` has the one of several processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import torch

from dlc.runtime.failures import Failure
from dlc.runtime.training import random_state
from dlc.runtime.training.samples import Take
from dlc.runtime.training.signals import Stop

if TYPE_CHECKING:
    from dlc.compiler.diagnostics.model import Diagnostic
    from dlc.runtime.inference.measures import Measures
    from dlc.runtime.training.plan import Plan

T = TypeVar("T")
Tensors: TypeAlias = dict[str, torch.Tensor]
LossFunction: TypeAlias = Callable[[Tensors, Tensors], torch.Tensor]

# How often losses are read: seldom enough to keep the device busy, often enough to live.
READ_SECONDS = 0.2
READ_STEPS = 256


class Pulse:
    """Says after which steps losses are fetched from the device and signals are heard."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.rest(0)

    def rest(self, step: int) -> None:
        """Counts from here: losses were just read."""
        self.step = step
        self.at = time.monotonic()

    def meet(self, step: int) -> None:
        """After a step after which something is due: signals are heard here, too."""

    def due(self, step: int) -> bool:
        return step - self.step >= READ_STEPS or time.monotonic() - self.at > READ_SECONDS


class World:
    """`rank` counts from 0 to `size` - 1; the first rank leads: it alone writes and speaks."""

    rank: int = 0
    size: int = 1
    #: Every rank must make every pass of the network, with samples of its own or without.
    in_step: bool = False

    @property
    def leads(self) -> bool:
        return self.rank == 0

    # ── what ranks tell each other ───────────────────────────────────────────

    def together(self, action: Callable[[], T]) -> T:
        """Does something on every rank that may fail on some: then it fails on all. Raises
        the `Failure`."""
        return action()

    def told(self, value: Any) -> Any:
        """A value that JSON can hold, as the leader has it."""
        return value

    def wait(self) -> None:
        """Until all ranks came here: what the leader wrote before is there then."""

    def require_same(self, values: Mapping[str, Any]) -> None:
        """Raises `Failure` E0639 where ranks differ in what must agree."""

    def mean(self, values: Sequence[float]) -> list[float]:
        """The means over all ranks, one by one."""
        return list(values)

    def averaged(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of a number over all ranks, on its device."""
        return value

    def merged(self, measures: Measures) -> Measures:
        """The measures of all ranks as one."""
        return measures

    def pulse(self, stop: Stop) -> Pulse:
        return Pulse(stop)

    # ── batches ──────────────────────────────────────────────────────────────

    def share(self, start: int, stop: int) -> tuple[int, int]:
        """What this rank takes of the places from `start` to `stop`."""
        return start, stop

    def taking(self, take: Take) -> Take:
        """Gives this rank's share of every batch."""
        return take

    def counted(self, loss: LossFunction, plan: Plan) -> LossFunction:
        """A loss whose mean over all ranks, and that of its gradients, is the loss of the
        whole batch."""
        return loss

    def refuse_small(self, batch_size: int, *, statistics: bool) -> None:
        """Raises `Failure` E0636 where a batch is too small to be shared; with `statistics`
        a share of a single sample has none."""

    # ── the network ──────────────────────────────────────────────────────────

    def warnings(self, plan: Plan, device: str) -> tuple[Diagnostic, ...]:
        """What differs from the run of one process."""
        return ()

    def placed(self, model: torch.nn.Module, device: torch.device, plan: Plan) -> torch.nn.Module:
        """The network with its parameters where they are held, before there is an optimizer."""
        return model.to(device)

    def undivided(self, model: torch.nn.Module) -> torch.nn.Module:
        """The network as one that can be given its first weights."""
        return model

    def begun(self, model: torch.nn.Module, undivided: torch.nn.Module) -> None:
        """Takes the first weights, from what `undivided` gave."""

    def whole(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors of a checkpoint, for the leader to write."""
        return dict(tensors)

    def readable(self, model: torch.nn.Module) -> Any:
        """The network as what computes with whole parameters sees it."""
        return model

    def local(self, model: torch.nn.Module) -> Any:
        """The network as what changes each row of a parameter by itself sees it."""
        return model

    def joined(self, model: torch.nn.Module, plan: Plan) -> torch.nn.Module:
        """What a training step calls: its backward pass exchanges gradients."""
        return model

    def exchanging(self, model: torch.nn.Module, *, last: bool) -> AbstractContextManager[object]:
        """Around a pass of the joined network: gradients are exchanged in the last one of a
        step only."""
        return nullcontext()

    def level(self, model: torch.nn.Module) -> None:
        """Gives every rank the leader's buffers: statistics of batches differ by rank."""

    # ── random state ─────────────────────────────────────────────────────────

    def draw_apart(self, seed: int) -> None:
        """Lets each rank draw numbers of its own from here on; the leader goes on as it was."""

    def random(self, device: torch.device) -> dict[str, Any]:
        """The state of the generators, for a checkpoint."""
        return {"random": random_state.capture(device)}

    def restore_random(self, state: Mapping[str, Any], device: torch.device, step: int) -> None:
        """Goes back to the state of a checkpoint of that step."""
        random_state.restore(state["random"], device)

    # ── ends ─────────────────────────────────────────────────────────────────

    def device(self, chosen: torch.device) -> torch.device:
        """The device of this rank, where `chosen` was asked for."""
        return chosen

    def described(self, device: str) -> str:
        """The device of one rank as that of all."""
        return device

    def lost(self, error: RuntimeError) -> Failure | None:
        """The `Failure` E0638 of an error that tells that another rank is gone."""
        return None


ALONE = World()
