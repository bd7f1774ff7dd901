"""An ensemble of one run."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.averages.base import Average
from dlc.compiler.record import component


@component
class Snapshots(Average):
    """Keeps the weights at the low points of a cyclic schedule and averages their answers.

        train: {average: snapshots(5)}

    Arguments:
        count: how many snapshots are taken, evenly over the run

    Source: Huang et al., "Snapshot ensembles: train 1, get M for free" (2017).
    """

    name: ClassVar[str] = "snapshots"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = "write `ema(0.999)`, `swa(start=0.75)` or `top_k(3)`"

    count: Annotated[int, Ge(2)] = 5
