"""The figures that a validation gives, and which of them can be watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.metrics.base import Metric, keys
from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.compiler.ir.types import TensorType


def figure_names(metrics: Sequence[Metric], outputs: Iterable[str]) -> dict[str, bool]:
    """The figures as `monitor` names them, and whether more is better."""
    better = [metric.higher_is_better for metric in metrics]
    names = (f"val_{name}" for name in keys(metrics, tuple(outputs)))
    return {"val_loss": False} | dict(zip(names, better, strict=True))


def check_monitor(
    monitor: str,
    metrics: Sequence[Metric],
    outputs: Iterable[str],
    types: Mapping[str, TensorType],
) -> None:
    """Raises `ComponentError` E0202 for a name that no validation gives, E0623 for what is
    more than one number."""
    names = (f"val_{name}" for name in keys(metrics, tuple(outputs)))
    given = {name: metric.gives(types) for name, metric in zip(names, metrics, strict=True)}
    figures = ["val_loss", *(name for name, gives in given.items() if gives == "figure")]
    # A figure of one class is not one to rely on: a class may be absent.
    name = monitor.partition(".")[0]
    if given.get(name, "figure") != "figure":
        what, cure = "a matrix", ""
        if given[name] == "classes":
            what = "a figure for each class"
            cure = "; `average=macro` makes those of the classes one"
        raise ComponentError(
            "E0623",
            f"`{name}` is {what}, and one number is to be watched",
            blame="monitor",
            help=f"watch one number: {listed(figures)}{cure}",
        )
    if monitor not in figures:
        near = closest(monitor, figures)
        raise ComponentError(
            "E0202",
            f"no validation gives `{monitor}`",
            blame="monitor",
            help=f"`{near}` is one" if near else f"there is {listed(figures)}",
        )
