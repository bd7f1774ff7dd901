"""The figures that a validation gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dlc.compiler.components.metrics.base import Metric, keys


def figure_names(metrics: Sequence[Metric], outputs: Iterable[str]) -> dict[str, bool]:
    """The figures as `monitor` names them, and whether more is better."""
    better = [metric.higher_is_better for metric in metrics]
    names = (f"val_{name}" for name in keys(metrics, tuple(outputs)))
    return {"val_loss": False} | dict(zip(names, better, strict=True))
