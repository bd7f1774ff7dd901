"""What the metrics that count pairs of classes share."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.metrics._answers import AnswerMetric
from dlc.compiler.ir.types import TensorType

#: Beyond it the counts of all pairs take more than 128 MiB, and nobody reads them.
_MOST = 4096


def refuse_many(metric: AnswerMetric, types: Mapping[str, TensorType]) -> None:
    """Raises `ComponentError` E0302 for more classes than pairs of them can be counted."""
    dim = metric.class_dim(types)
    if dim is None:
        return
    classes = types[metric.input].shape[dim]
    if isinstance(classes, int) and classes > _MOST:
        raise ComponentError(
            "E0302",
            f"`{metric.name}` counts pairs of classes, at most {_MOST:,} of each, and "
            f"`{metric.input}` has {classes:,}",
            blame="input",
            help="use `accuracy`, `f1` or `mcc`, which count class by class",
        )
