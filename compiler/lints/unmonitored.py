"""A figure that training follows, and no rows to take it from.

Early stopping, the best weights and `reduce_on_plateau` look at figures of the validation part.
Without one there is nothing to look at, and `dlc train` refuses to begin. The test part does not
take its place: a figure that something was chosen by is no estimate of what comes after.
Remedy: a share of the rows for validation.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place
from dlc.compiler.lints._training import validates

CODE = code("W0144")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    settings = compilation.settings
    if settings.data is None or validates(settings.data):
        return
    schedule = settings.schedule
    for what, span in (
        (
            "`early_stopping` stops by",
            place(compilation, "train", "early_stopping")
            if settings.train.early_stopping is not None
            else None,
        ),
        (
            f"`{schedule.name}` follows" if schedule is not None else "",
            place(compilation, "schedule")
            if schedule is not None and schedule.follows_validations
            else None,
        ),
    ):
        if span is None:
            continue
        split = place(compilation, "data", "split")
        yield Diagnostic(
            CODE,
            f"{what} a figure of the validation part, and there is none",
            Label(span),
            (Label(split, "leaves no rows to validate on"),) if split is not None else (),
            help="give it a share: `data.split: {train: 0.8, validation: 0.2}`",
        )
