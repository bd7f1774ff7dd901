"""`dlc graph --schedule`: the learning rate over a run."""

from __future__ import annotations

from typing import Any

from dlc.compiler.cli.output import FINDINGS, CommandError
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.intervals.steps import Steps
from dlc.compiler.components.schedules.constant import Constant
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.drawing.chart import Chart

_MOST_POINTS = 4000


def schedule_chart(compilation: Compilation, steps_per_epoch: int) -> tuple[Chart, dict[str, Any]]:
    """The learning rate of the spec as a chart and as plain numbers. Raises CommandError where
    there is no optimizer. What follows the validations is drawn up to there."""
    settings = compilation.settings
    if settings.optimizer is None:
        raise CommandError(
            Diagnostic(
                code("E0309"),
                "the spec has no optimizer, and so no learning rate",
                help="add one: `optimizer: adamw(lr=1e-3)`",
            ),
            status=FINDINGS,
        )
    schedule = settings.schedule or Constant()
    rate = settings.optimizer.learning_rate
    duration = settings.train.duration
    total = duration.in_steps(steps_per_epoch)
    stride = max(1, total // _MOST_POINTS)
    steps = sorted({*range(0, total, stride), total - 1})
    rates = [
        rate
        * schedule.factor_at(
            step, total_steps=total, steps_per_epoch=steps_per_epoch, learning_rate=rate
        )
        for step in steps
    ]
    by_steps = isinstance(duration, Steps)
    title = f"{compilation.program.name}: {schedule.name} over {duration.n:,} {duration.name}"
    if schedule.follows_validations:
        title += ", until a figure stands still"
    chart = Chart(
        title=title,
        x_label="step" if by_steps else f"epoch of {steps_per_epoch:,} steps",
        y_label="learning rate",
        xs=[float(step) if by_steps else step / steps_per_epoch for step in steps],
        ys=rates,
    )
    record = {
        "name": schedule.name,
        "total_steps": total,
        "steps_per_epoch": steps_per_epoch,
        "steps": steps,
        "lr": rates,
    }
    return chart, record
