"""A data section made into arrays: read, filtered, divided, preprocessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.missing_labels import missing_labels
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.sections.data import Data
from dlc.compiler.ir.types import TensorType
from dlc.runtime.augmentation.places import Unfinished
from dlc.runtime.data import texts
from dlc.runtime.data.blocks import Blocks
from dlc.runtime.data.classes import Bound, checked, labels_of, refuse_one_class
from dlc.runtime.data.columns import Array
from dlc.runtime.data.formats.base import Skipped, Table
from dlc.runtime.data.preprocessing import Preprocessing, refuse_unavailable
from dlc.runtime.data.ragged import Padding, Ragged
from dlc.runtime.data.reading import RawRows, read_rows
from dlc.runtime.data.recipe import Recipe
from dlc.runtime.data.residence import Tell, streamed
from dlc.runtime.data.spilled import spilled
from dlc.runtime.data.splits import Division, Rows, SplitRule
from dlc.runtime.data.streaming import Columns, Stream, row_bytes
from dlc.runtime.failures import failure
from dlc.runtime.objectives._applied import Applied
from dlc.runtime.objectives.base import Draws

__all__ = ["Bound", "DataSet", "prepare", "refuse_unread"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """The values of some inputs as a model file takes them, for the rows of a table whose
    numbers are `rows`; those that it could not give are left out."""

    values: Mapping[str, Array | Ragged]
    rows: Rows


@dataclass(frozen=True, kw_only=True)
class FileView:
    """The inputs that are made as the network gets them, and what reads the others, by the
    numbers of rows, as a model file takes them."""

    made: frozenset[str]
    read: Callable[[Table, Rows], Given]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """All samples, ready for the network. `arrays` are the inputs and targets by name,
    `rows` the row of the file that each sample came from, counted from 1; `table` is that
    file, or several, and `skipped` the rows that were left out. `padding` says how inputs
    whose rows differ in length are made into batches, and which inputs that fills.
    `unfinished` are the inputs that augmentation changes, as it takes them; `draws` fill
    inputs and targets anew in every epoch. Samples lie in `blocks`, where the file does; where
    there is a `stream`, they are read from it, and so is what is looked up in `arrays`. `given`
    are inputs as a model file takes them, where they are asked for."""

    path: Path
    table: Table
    sha256: str
    arrays: Mapping[str, Array | Ragged]
    rows: Rows
    rule: SplitRule
    division: Division
    preprocessing: Preprocessing
    padding: Mapping[str, Padding] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    unfinished: Mapping[str, Unfinished] = field(default_factory=dict)
    draws: Draws | None = None
    blocks: Blocks | None = None
    stream: Stream | None = None
    given: Mapping[str, Array | Ragged] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


def refuse_unread(data: Data) -> None:
    """Raises `Failure` E0602 for the first key of the section that is not run yet."""
    for key, note in data.used_unavailable():
        raise failure("E0602", f"`data.{key}` is not run yet", help=note)
    if data.split is not None:
        for key, note in data.split.used_unavailable():
            raise failure("E0602", f"`data.split.{key}` is not run yet", help=note)


def prepare(
    data: Data,
    *,
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    root: Path,
    preprocess: Mapping[str, Sequence[Preprocess]] | None = None,
    bounds: Mapping[str, Bound] | None = None,
    fitted: Preprocessing | None = None,
    training: bool = False,
    losses: Sequence[Loss] = (),
    file: FileView | None = None,
    tell: Tell | None = None,
) -> DataSet:
    """Reads the source of a data section and makes it the arrays of a network; where it is
    for `training`, those that augmentation takes beside them. `losses` tell an objective what
    targets hold where there is nothing to find, and which labels may be missing. For a `file`,
    inputs are as it takes them. Warnings that cannot wait for the data go to `tell`.

    Class names and statistics are fitted on the training part alone, or taken from
    `fitted`. Raises `Failure` E0520, E0602 and E0604 to E0606.
    """
    steps = preprocess or {}
    refuse_unavailable(steps)
    limits = bounds or {}
    objective = Applied(data, inputs, targets, steps, losses)
    recipe = Recipe(
        data=data,
        inputs={n: t for n, t in objective.inputs.items() if file is None or n in file.made},
        targets=objective.targets,
        root=root,
        steps=steps,
        bounds=limits,
        fills=objective.fills,
        missing=missing_labels(losses, targets),
        shared=objective.shared,
        training=training,
    )
    opened = recipe.open()
    # What a file is asked about is read beside it, row by row.
    stored = streamed(recipe, opened, tell) if file is None else None
    if stored is not None:
        stream = Stream(recipe, opened, stored, fitted)
        if not recipe.of_tokens and (data.objective is None or objective.shared):
            return _from_stream(stream)
        return objective.made(_from_files(stream), limits)
    raw = read_rows(opened)
    labels = labels_of(raw, recipe.targets) if fitted is None else fitted.labels
    raw = checked(raw, recipe.targets, labels, limits, skip=data.on_bad_sample == "skip")
    if fitted is None:
        refuse_one_class(raw, recipe.targets, limits)
        fitted = recipe.fitted(raw, labels)
    given: Mapping[str, Array | Ragged] = {}
    if file is not None:
        beside = file.read(raw.table, raw.rows)
        raw, given = _among(raw, beside.rows), beside.values
    found = recipe.finished(raw, fitted)
    samples = DataSet(
        path=raw.path,
        table=raw.table,
        sha256=raw.table.sha256(),
        arrays=found.arrays,
        rows=raw.rows,
        rule=raw.rule,
        division=raw.division,
        preprocessing=fitted,
        padding=texts.paddings(recipe.inputs, steps),
        skipped=raw.skipped,
        unfinished=found.unfinished,
        blocks=_blocks(raw, found.arrays) if data.objective is None or objective.shared else None,
        given=given,
    )
    return objective.made(samples, limits)


def _among(raw: RawRows, rows: Rows) -> RawRows:
    """The rows whose numbers are among `rows`."""
    lost = np.flatnonzero(~np.isin(raw.rows, rows))
    reason = "an input of it is bad"
    return raw.without(lost, [Skipped(row=int(row), reason=reason) for row in raw.rows[lost]])


def _from_stream(stream: Stream) -> DataSet:
    return replace(
        _of_stream(stream),
        unfinished=stream.unfinished(),
        blocks=stream.blocks,
        stream=stream,
    )


def _of_stream(stream: Stream) -> DataSet:
    return DataSet(
        path=stream.table.path,
        table=stream.table,
        sha256=stream.table.sha256(),
        arrays=Columns(stream),
        rows=stream.rows,
        rule=stream.opened.rule,
        division=stream.division,
        preprocessing=stream.fitted,
        padding=texts.paddings(stream.recipe.inputs, stream.recipe.steps),
        skipped=stream.skipped,
    )


def _from_files(stream: Stream) -> DataSet:
    """What is wanted in any order is made once; samples are put in the order that those in
    memory are put in."""
    made = spilled(stream)
    return replace(_of_stream(stream), arrays=made.arrays, unfinished=made.unfinished)


def _blocks(raw: RawRows, arrays: Mapping[str, Array | Ragged]) -> Blocks | None:
    """The blocks that a stream would read: samples in memory are put in the same order."""
    dense = {name: values for name, values in arrays.items() if not isinstance(values, Ragged)}
    stored = raw.table.stored() if len(dense) == len(arrays) else None
    if stored is None:
        return None
    starts = np.searchsorted(raw.rows, np.cumsum([0, *stored.rows]) + 1)
    return Blocks(starts, row_bytes(dense))
