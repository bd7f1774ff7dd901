"""An ensemble of one run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.averages.base import Average
from dlc.compiler.record import component


@component
class Snapshots(Average):
    """Keeps the weights at the low points of the learning rate and averages their answers.

        train: {average: snapshots(5), epochs: 50}
        schedule: cosine_restarts(cycle=10)

    Each time that the learning rate has fallen and rises again, and at the end, the weights have
    settled in another place. What the run ends with is an ensemble of the last `count` of these,
    combined as by `ensemble: {combine: mean}`, and exported as one file. Validations, and so
    early stopping, measure the weights as they are; those figures get worse after each rise.

    Arguments:
        count: how many snapshots are kept, the newest

    Source: Huang et al., "Snapshot ensembles: train 1, get M for free" (2017).
    """

    name: ClassVar[str] = "snapshots"

    count: Annotated[int, Ge(2)] = 5


class Lows:
    """Finds the low points of a learning rate, which it sees step by step: `rate` is the last
    one, and `falling` whether it is below an earlier one with no rise since."""

    def __init__(self, rate: float | None = None, *, falling: bool = False) -> None:
        self.rate = rate
        self.falling = falling

    def ends_at(self, rate: float) -> bool:
        """Whether the learning rate of the next step rises from a low point."""
        before = self.rate
        self.rate = rate
        if before is None or rate == before:
            return False
        low = self.falling and rate > before
        self.falling = rate < before
        return low


def low_points(rates: Iterable[float]) -> int:
    """How many low points the learning rates of all steps have, with the end of the run."""
    lows = Lows()
    return sum(lows.ends_at(rate) for rate in rates) + 1
