"""Categories counted and numbered."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dlc.compiler.components.preprocessing.vocabulary import Vocabulary
from dlc.runtime.data.steps._categories import each, places, ranked
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class VocabularyStep(Step[Vocabulary]):
    def fit(self, step: Vocabulary, chunks: Chunks) -> dict[str, Array]:
        counts: Counter[Any] = Counter()
        for chunk in chunks():
            counts.update(each(chunk))
        most = None if step.max_size is None else step.max_size - 1
        return {"entries": ranked(counts, step.min_count, most, step.name)}

    def apply(self, step: Vocabulary, values: Array, statistics: Statistics) -> Array:
        return places(values, statistics["entries"], first=1, default=0)
