"""Lower case, as `lowercase` asks for it."""

from __future__ import annotations

from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.runtime.data.steps._texts import changed
from dlc.runtime.data.steps.base import Array, Statistics, Step


class LowercaseStep(Step[Lowercase]):
    def apply(self, step: Lowercase, values: Array, statistics: Statistics) -> Array:
        return changed(step, values)
