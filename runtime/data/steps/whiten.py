"""Principal components of variance one."""

from __future__ import annotations

from dlc.compiler.components.preprocessing.whiten import Whiten
from dlc.runtime.data.steps._projection import Axes, Projection
from dlc.runtime.data.steps.base import Array


class WhitenStep(Projection[Whiten]):
    def scales(self, step: Whiten, found: Axes) -> Array:
        return found.scales(step.epsilon)
