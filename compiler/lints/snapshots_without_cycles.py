"""Snapshots of a learning rate that does not come down so often.

A snapshot is taken where the learning rate has fallen and rises again. Where it falls once there
is one, at the end, and no ensemble. Remedy: a schedule of as many cycles as there are
snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.syntax import tree

CODE = code("W0305")

# A spec does not tell how many steps an epoch has; cycles are found with any number of them.
_STEPS_PER_EPOCH = 40


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    settings = compilation.settings
    if settings.train.average is None or settings.train.average.name != "snapshots":
        return
    # Imported on use: few specs have snapshots, and every check runs every lint.
    from dlc.compiler.components.averages.snapshots import Snapshots
    from dlc.compiler.components.intervals.epochs import Epochs

    average, lasts = settings.train.average, settings.train.duration
    if not isinstance(average, Snapshots):
        return
    found = _lows(settings)
    section = next(e for e in compilation.spec.settings if e.key.text == "train")
    if found is None or found >= average.count or not isinstance(section.value, tree.Mapping):
        return
    place = next(e.value for e in section.value.entries if e.key.text == "average")
    how = ""
    if isinstance(lasts, Epochs) and lasts.n >= average.count:
        how = f", such as `cosine_restarts(cycle={lasts.n // average.count})`"
    yield Diagnostic(
        CODE,
        f"the learning rate has {found} low point{'' if found == 1 else 's'}, and "
        f"{average.count} snapshots are wanted",
        Label(place.span),
        help=f"give a `schedule` of {average.count} cycles{how}",
    )


def _lows(settings: Settings) -> int | None:
    """The low points of the learning rate, the end with them; None where the steps alone do not
    tell, or the spec trains nothing."""
    from dlc.compiler.components.averages.snapshots import low_points

    optimizer, schedule = settings.optimizer, settings.schedule
    if optimizer is None:
        return None
    if schedule is None:
        return 1
    if schedule.follows_validations:
        return None
    total = settings.train.duration.in_steps(_STEPS_PER_EPOCH)
    return low_points(
        schedule.factor_at(
            step,
            total_steps=total,
            steps_per_epoch=_STEPS_PER_EPOCH,
            learning_rate=optimizer.learning_rate,
        )
        for step in range(total)
    )
