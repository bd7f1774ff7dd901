"""Normal forms of Unicode, as `normalize_unicode` asks for them."""

from __future__ import annotations

from dlc.compiler.components.preprocessing.normalize_unicode import NormalizeUnicode
from dlc.runtime.data.steps._texts import changed
from dlc.runtime.data.steps.base import Array, Statistics, Step


class NormalizeUnicodeStep(Step[NormalizeUnicode]):
    def apply(self, step: NormalizeUnicode, values: Array, statistics: Statistics) -> Array:
        return changed(step, values)
