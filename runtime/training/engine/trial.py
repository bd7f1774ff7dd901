"""Steps of some choices, timed against each other on copies of the network.

Nothing of the run is touched: each candidate has weights and an optimizer of its own, and
torch's generators are put back. Candidates take turns on the same batches, and medians are
compared, so that a machine with other work on it slows all of them.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from dlc.runtime.device import is_out_of_memory
from dlc.runtime.training import random_state
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.execution import tf32
from dlc.runtime.training.samples import Epochs, Take
from dlc.runtime.training.step import Step

#: A step for some choices on a copy of the network.
StepOf = Callable[[torch.nn.Module, Choices], Step]

_ROUNDS = 7
_FEWEST_ROUNDS = 3
# A turn lasts at least this long: the clock and the change of turns must not count.
_TURN_SECONDS = 0.01
# Steps before a candidate is timed: kernels are chosen and memory is fetched in them.
_WARM_UP = 2
#: A trial may take this share of the time of the run.
SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How fast steps are with some choices, and what it takes until they are."""

    choices: Choices
    steps_per_second: float
    setup_seconds: float = 0.0


@dataclass(kw_only=True)
class _Candidate:
    choices: Choices
    step: Step
    setup_seconds: float
    seconds: list[float] = field(default_factory=list)


class Trial:
    """Times choices for a network that is to be trained for `total` steps more. `take` gives
    batches of the order of an epoch."""

    def __init__(
        self,
        *,
        model: torch.nn.Module,
        step_of: StepOf,
        take: Take,
        epochs: Epochs,
        device: torch.device,
        total: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.model = model
        self.step_of = step_of
        self.take = take
        self.epochs = epochs
        self.device = device
        self.total = total
        self.clock = clock
        self._known: dict[Choices, float] = {}

    def compare(self, first: Choices, others: Sequence[Choices]) -> tuple[Measured, ...]:
        """All that run, `first` foremost; empty where the run is too short to be worth it."""
        # What is certainly too short costs nothing at all.
        fewest = _FEWEST_ROUNDS + _WARM_UP
        if not others or self.total * SHARE < (1 + len(others)) * fewest:
            return ()
        with self._untouched():
            began = self.clock()
            candidate = self._prepare(first)
            if candidate is None:
                return ()
            step = self._known[first] = self._turn(candidate, 0, 1)
            budget = self.total * step * SHARE
            turn = max(1, round(_TURN_SECONDS / max(step, 1e-9)))
            expected = (1 + len(others)) * (_FEWEST_ROUNDS * turn + _WARM_UP) * step

            def late() -> bool:
                return self.clock() - began > budget

            if late() or expected > budget:
                return ()
            found = [candidate]
            for choices in others:
                if (made := self._prepare(choices)) is not None:
                    found.append(made)
                if late():
                    return ()
            return self._rounds(found, turn, late)

    def compare_compiled(self, best: Choices, compiled: Choices) -> tuple[Measured, ...]:
        """The two, where the second takes long to get ready."""
        with self._untouched():
            found = [*filter(None, map(self._prepare, (best, compiled)))]
            step = self._turn(found[0], 0, 1) if found else 0.0
            turn = max(1, round(_TURN_SECONDS / max(step, 1e-9)))
            return self._rounds(found, turn, lambda: False) if len(found) == 2 else ()

    def seconds_of_a_step(self, choices: Choices) -> float:
        """What was measured of it, or a first estimate by one step."""
        if choices not in self._known:
            with self._untouched():
                candidate = self._prepare(choices)
                self._known[choices] = 0.0 if candidate is None else self._turn(candidate, 0, 1)
        return self._known[choices]

    def _prepare(self, choices: Choices) -> _Candidate | None:
        """A candidate that has made its first steps; None where it does not run here."""
        began = self.clock()
        try:
            step = self.step_of(copy.deepcopy(self.model), choices)
            candidate = _Candidate(choices=choices, step=step, setup_seconds=0.0)
            self._turn(candidate, 0, _WARM_UP)
        # A candidate that was not asked for and fails is none: compilers have many errors.
        except Exception as error:
            if choices.compile == "no" and not _is_memory(error):
                raise
            return None
        candidate.setup_seconds = self.clock() - began
        return candidate

    def _rounds(
        self, candidates: Sequence[_Candidate], turn: int, late: Callable[[], bool]
    ) -> tuple[Measured, ...]:
        for round in range(_ROUNDS):
            if round >= _FEWEST_ROUNDS and late():
                break
            for candidate in candidates if round % 2 else reversed(candidates):
                candidate.seconds.append(self._turn(candidate, round * turn, turn))
        self._known |= {c.choices: statistics.median(c.seconds) for c in candidates}
        return tuple(
            Measured(
                choices=candidate.choices,
                steps_per_second=1 / max(statistics.median(candidate.seconds), 1e-9),
                setup_seconds=candidate.setup_seconds,
            )
            for candidate in candidates
        )

    def _turn(self, candidate: _Candidate, place: int, count: int) -> float:
        """The seconds that each of some steps takes."""
        epochs = self.epochs
        groups = max(epochs.usable // epochs.group, 1)
        with tf32(candidate.choices.tf32):
            self._wait()
            began = self.clock()
            for index in range(place, place + count):
                first = index % groups * epochs.group
                end = min(first + epochs.group, epochs.usable)
                candidate.step(self.take, first, end, epochs.batch_size)
            self._wait()
            return (self.clock() - began) / count

    def _wait(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        states = random_state.capture(self.device)
        try:
            yield
        finally:
            random_state.restore(states, self.device)


def fastest(measured: Iterable[Measured], default: Choices, steps: int, margin: float) -> Measured:
    """What ends first after `steps`, getting ready included where that is compiling; another
    than the default only where it is faster by `margin`."""

    def seconds(found: Measured) -> float:
        waits = found.setup_seconds if found.choices.compile != "no" else 0.0
        return waits + steps / found.steps_per_second

    found = list(measured)
    best = min(found, key=seconds)
    plain = next((m for m in found if m.choices == default), best)
    return best if seconds(plain) > margin * seconds(best) else plain


def _is_memory(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and is_out_of_memory(error)
