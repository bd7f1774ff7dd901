"""A schedule that has changes for after the run.

Training ends before the learning rate falls, or before the warm-up is over: the run is one at
another rate than was meant, mostly since `epochs` was made smaller and the schedule was not.
Remedy: milestones, step sizes, cycles and warm-ups within the run, or a schedule over the whole
of it, such as `cosine`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._optimizer import argument_span
from dlc.compiler.lints._sections import section
from dlc.compiler.lints._training import epochs_of, steps_of

CODE = code("W0142")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    from dlc.compiler.syntax import tree

    schedule, entry = compilation.settings.schedule, section(compilation, "schedule")
    if schedule is None or entry is None:
        return
    found = _warm_up(schedule, compilation.settings) or _changes(schedule, compilation.settings)
    if found is None:
        return
    argument, message, help = found
    call = entry.value
    span = argument_span(call, argument) if isinstance(call, tree.Call) else entry.key.span
    yield Diagnostic(CODE, message, Label(span), help=help)


def _warm_up(schedule: Schedule, settings: Settings) -> tuple[str, str, str] | None:
    for unit, lasts in (("epochs", epochs_of(settings)), ("steps", steps_of(settings))):
        warm_up = getattr(schedule, f"warmup_{unit}", 0)
        if lasts is not None and warm_up >= lasts:
            return (
                f"warmup_{unit}",
                f"the warm-up takes {warm_up:,} {unit}, and the run has {lasts:,}",
                f"a tenth of the run is plenty: `warmup_{unit}={max(1, lasts // 10)}`",
            )
    return None


def _changes(schedule: Schedule, settings: Settings) -> tuple[str, str, str] | None:
    epochs = epochs_of(settings)
    if epochs is None:
        return None
    of_run = f"the run has {epochs:,} epoch{'' if epochs == 1 else 's'}"
    left = epochs - getattr(schedule, "warmup_epochs", 0)
    milestones = getattr(schedule, "milestones", ())
    late = [str(m) for m in milestones if m >= left]
    if late:
        what = f"milestone{'' if len(late) == 1 else 's'} {', '.join(late)}"
        return (
            "milestones",
            f"the run ends before {what} of `{schedule.name}`: {of_run}",
            "name epochs before the end, or train longer",
        )
    stretch = {"step": "step_size", "cosine_restarts": "cycle"}.get(schedule.name)
    if stretch is None:
        return None
    size = getattr(schedule, stretch)
    if size >= left + (stretch == "cycle"):
        return (
            stretch,
            f"the learning rate of `{schedule.name}` comes down after {size:,} epochs, "
            f"and {of_run}",
            "`cosine` comes down over the run, whatever its length",
        )
    return None
