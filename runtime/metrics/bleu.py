"""BLEU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.metrics.bleu import Bleu
from dlc.runtime.metrics._classes import refuse_outside
from dlc.runtime.metrics.base import Array, Measure, State, Types


class BleuMeasure(Measure[Bleu]):
    """Counts over all texts: of n-grams by length those that match and all, and the tokens of
    the answers and of the references."""

    def observe(self, metric: Bleu, values: Mapping[str, Array], types: Types) -> State:
        dim = metric.class_dim(types)
        assert dim is not None
        scores, target = np.moveaxis(values[metric.input], dim, -1), values[metric.target]
        counts = target != metric.ignored
        refuse_outside(metric, target[counts], scores.shape[-1])
        answers = scores.argmax(axis=-1)
        matched = np.zeros(metric.n_gram, np.int64)
        possible = np.zeros(metric.n_gram, np.int64)
        tokens = np.zeros(2, np.int64)
        for answer, reference, counted in zip(answers, target, counts, strict=True):
            said = _until(answer[counted].tolist(), metric.end)
            true = _until(reference[counted].tolist(), metric.end)
            tokens += (len(said), len(true))
            for size in range(metric.n_gram):
                found, wanted = _grams(said, size + 1), _grams(true, size + 1)
                matched[size] += (found & wanted).total()
                possible[size] += found.total()
        return {"matched": matched, "possible": possible, "tokens": tokens}

    def figure(self, metric: Bleu, state: State, types: Types) -> float:
        said, true = (float(number) for number in state["tokens"])
        if not true:
            return float("nan")
        matched = np.asarray(state["matched"], np.float64)
        possible = np.asarray(state["possible"], np.float64)
        if not matched.min():
            return 0.0
        if metric.smooth:
            matched[1:] += 1
            possible[1:] += 1
        penalty = min(0.0, 1 - true / said)
        return float(np.exp(penalty + np.log(matched / possible).mean()))


def _until(tokens: list[int], end: int | None) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens


def _grams(tokens: list[int], size: int) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(size)), strict=False))
