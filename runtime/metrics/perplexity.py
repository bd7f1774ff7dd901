"""Perplexity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.metrics.perplexity import Perplexity
from dlc.runtime.metrics._classes import by_class, log_softmax
from dlc.runtime.metrics.base import Array, Measure, State, Types, quotient


class PerplexityMeasure(Measure[Perplexity]):
    """The sum of the negative log-likelihoods, and the number of tokens."""

    def observe(self, metric: Perplexity, values: Mapping[str, Array], types: Types) -> State:
        dim = metric.class_dim(types)
        assert dim is not None
        scores, target = by_class(metric, dim, values)
        if metric.from_logits:
            logs = log_softmax(scores)[np.arange(len(target)), target]
        else:
            with np.errstate(divide="ignore"):
                logs = np.log(scores[np.arange(len(target)), target].astype(np.float64))
        return {"sum": -logs.sum(), "count": np.asarray(len(target))}

    def figure(self, metric: Perplexity, state: State, types: Types) -> float:
        with np.errstate(over="ignore"):
            return float(np.exp(quotient(float(state["sum"]), float(state["count"]))))
