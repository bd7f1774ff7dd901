"""The base of weight averages."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Average(Component):
    """A second set of weights, averaged over the course of training."""

    kind: ClassVar[str] = "average"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "weights are not averaged yet: `early_stopping` keeps the best ones"
    )
