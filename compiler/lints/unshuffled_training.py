"""Training rows that come in the order of the file.

A gradient stands for the loss over all data only where its batch is a draw from it. Rows in a
file are often sorted, by class, by date or by source: neighbouring steps then pull the same way,
and each undoes what the last one learned. Every epoch also repeats the same batches. Rows that
are divided in time, and windows over them, may be left in order. Remedy: `shuffle: true`, the
default.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place

CODE = code("W0141")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    data = compilation.settings.data
    if data is None or data.shuffle or data.batch_size == "all":
        return
    in_time = data.split is not None and data.split.time is not None
    if in_time or (data.objective is not None and data.objective.regroups):
        return
    span = place(compilation, "data", "shuffle")
    if span is not None:
        yield Diagnostic(
            CODE,
            "training takes the rows in the order of the file, the same batches in every epoch",
            Label(span),
            help="leave `shuffle` out; a time series says so by `data.split.time`",
        )
