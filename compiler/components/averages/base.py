"""The base of weight averages."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Average(Component):
    """A second set of weights, made of those that training passes through.

    What a run ends with, and `dlc evaluate` and `dlc export` take, is then the average.
    """

    kind: ClassVar[str] = "average"
