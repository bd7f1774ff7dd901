"""Patience that the run does not try.

`patience` counts validations. Where the run has no more than that, early stopping cannot stop it
and `reduce_on_plateau` cannot lower the rate: the setting is there and does nothing but keep
the best weights. Remedy: less patience, or more validations by `validate_every`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place
from dlc.compiler.lints._training import validations_of
from dlc.compiler.source import Span

CODE = code("W0145")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    settings = compilation.settings
    early, schedule = settings.train.early_stopping, settings.schedule
    count = validations_of(settings)
    if count is None:
        return
    if early is not None:
        yield from _judged(
            early.patience, count, place(compilation, "train", "early_stopping"), "stop the run"
        )
    if schedule is not None and schedule.follows_validations:
        patience = int(getattr(schedule, "patience", 0))
        yield from _judged(patience, count, place(compilation, "schedule"), "lower the rate")


def _judged(patience: int, count: int, span: Span | None, what: str) -> Iterator[Diagnostic]:
    # The first validation is the best so far: one fewer can be waited for.
    if span is None or patience < count:
        return
    some = f"{count:,} validation{'' if count == 1 else 's'}"
    fitting = max(1, count // 4)
    yield Diagnostic(
        CODE,
        f"a patience of {patience:,} can never {what}, which has {some}"
        if what == "stop the run"
        else f"a patience of {patience:,} can never {what} in a run of {some}",
        Label(span),
        help=f"a quarter of them is usual: `patience: {fitting}`"
        if fitting < count
        else "train longer, or validate more often with `validate_every`",
    )
