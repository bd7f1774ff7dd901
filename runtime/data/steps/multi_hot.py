"""Lists cut into pieces, the pieces counted."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dlc.compiler.components.preprocessing.multi_hot import MultiHot
from dlc.runtime.data.steps._categories import ranked
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class MultiHotStep(Step[MultiHot]):
    def fit(self, step: MultiHot, chunks: Chunks) -> dict[str, Array]:
        counts: Counter[str] = Counter()
        for chunk in chunks():
            for text in chunk.tolist():
                counts.update(_pieces(step, text))
        return {"entries": ranked(counts, step.min_count, step.num_classes - 1, step.name)}

    def apply(self, step: MultiHot, values: Array, statistics: Statistics) -> Array:
        index = {entry: place + 1 for place, entry in enumerate(statistics["entries"].tolist())}
        found = np.zeros((len(values), step.num_classes), np.float32)
        for row, text in enumerate(values.tolist()):
            for piece in _pieces(step, text):
                found[row, index.get(piece, 0)] = 1.0
        return found


def _pieces(step: MultiHot, text: str) -> set[str]:
    return set(text.split(step.separator)) - {""}
