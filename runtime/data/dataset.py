"""A data section made into arrays: read, filtered, divided, preprocessed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sources.base import Source, for_path
from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.columns import Array, Binding, bind, extract
from dlc.runtime.data.filters import Filter
from dlc.runtime.data.preprocessing import (
    InputRecord,
    Preprocessing,
    apply,
    fit,
    refuse_unavailable,
)
from dlc.runtime.data.splits import Division, Rows, SplitRule, divide
from dlc.runtime.data.tables import Table, bad_value, locate, open_table
from dlc.runtime.failures import failure, io_failure, shown


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The whole numbers that an input or target may hold: `low` to `high`, and `ignored`.
    `reason` says what sets the bound: "`logits` has 10 classes"."""

    high: int
    reason: str
    low: int = 0
    ignored: int | None = None


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """All samples, ready for the network. `arrays` are the inputs and targets by name,
    `rows` the row of the file that each sample came from, counted from 1."""

    path: Path
    sha256: str
    arrays: Mapping[str, Array]
    rows: Rows
    rule: SplitRule
    division: Division
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.rows)


def source_file(data: Data, root: Path) -> tuple[Path, Source]:
    """The file of a data section and the component that reads it. Raises `Failure` E0602
    for what is not read yet, E0604 for a path outside `root`."""
    refuse_unread(data)
    source = data.source
    if isinstance(source, str):
        found = for_path(source)
        if found is None:
            raise failure(
                "E0604",
                f"the suffix of `{source}` tells no format",
                help="name the reader: `source: {csv: {path: ...}}`",
            )
        source = found
    assert isinstance(source, Source)
    if not source.available:
        raise failure(
            "E0602", f"`{source.name}` data is not read yet", help=source.available_note or None
        )
    return locate(source.path, root), source


def refuse_unread(data: Data) -> None:
    """Raises `Failure` E0602 for the first key of the section that is not run yet."""
    for key, note in data.used_unavailable():
        raise failure("E0602", f"`data.{key}` is not run yet", help=note)
    if isinstance(data.source, Files):
        raise failure("E0602", "separate files are not read yet")
    for component in (data.objective, *data.augment):
        if component is not None:
            raise failure(
                "E0602",
                f"`{component.name}` is not run yet",
                help=component.available_note or "leave it out",
            )
    if data.split is not None:
        for key, note in data.split.used_unavailable():
            raise failure("E0602", f"`data.split.{key}` is not run yet", help=note)


def open_source(data: Data, root: Path) -> Table:
    path, source = source_file(data, root)
    return open_table(path, source.name, delimiter=getattr(source, "delimiter", None))


def split_rule(data: Data) -> SplitRule:
    if data.split is None:
        return SplitRule()
    return SplitRule(shares=data.split.shares, seed=data.split.seed, stratify=data.split.stratify)


@dataclass(frozen=True, kw_only=True)
class _Raw:
    """Rows as the file has them: raw arrays, row numbers, the classes to divide by."""

    path: Path
    bindings: Mapping[str, Binding]
    arrays: dict[str, Array]
    rows: Rows
    classes: Array | None


def prepare(
    data: Data,
    *,
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    root: Path,
    preprocess: Mapping[str, Sequence[Preprocess]] | None = None,
    bounds: Mapping[str, Bound] | None = None,
    fitted: Preprocessing | None = None,
) -> DataSet:
    """Reads the source of a data section and makes it the arrays of a network.

    Class names and statistics are fitted on the training part alone, or taken from
    `fitted`. Raises `Failure` E0602 and E0604 to E0606.
    """
    steps = preprocess or {}
    refuse_unavailable(steps)
    rule = split_rule(data)
    raw = _read(open_source(data, root), data, inputs, targets, rule.stratify)
    division = divide(len(raw.rows), rule, raw.classes)
    if fitted is None:
        fitted = _fit(raw, division.train, inputs, targets, steps)
    arrays: dict[str, Array] = {}
    for name, type in inputs.items():
        arrays[name] = apply(
            raw.arrays.pop(name), steps.get(name, ()), fitted.inputs[name].statistics, type
        )
    for name, type in targets.items():
        values = raw.arrays.pop(name)
        if values.dtype == object or name in fitted.labels:
            words = fitted.labels.get(name, ())
            values = encode(values, words, raw.bindings[name], raw.path, raw.rows)
        arrays[name] = values.astype(np.dtype(type.dtype.value), copy=False)
    for name, bound in (bounds or {}).items():
        labels = fitted.labels.get(name)
        _refuse_outside(arrays[name], bound, raw.bindings[name], raw.path, raw.rows, labels)
    return DataSet(
        path=raw.path,
        sha256=file_sha256(raw.path),
        arrays=arrays,
        rows=raw.rows,
        rule=rule,
        division=division,
        preprocessing=fitted,
    )


def _read(
    table: Table,
    data: Data,
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    stratify: str | None,
) -> _Raw:
    classified = {name for name, type in targets.items() if type.dtype.is_int and type.rank == 1}
    wanted = {**inputs, **targets}
    bindings = bind(wanted, data.columns, table.names, table.path, text=classified)
    condition = Filter(data.where) if data.where is not None else None
    columns = [column for binding in bindings for column in binding.columns]
    if condition is not None:
        columns += [_column(table, name, "data.where") for name in condition.columns]
    if stratify is not None and stratify not in wanted:
        columns.append(_column(table, stratify, "data.split.stratify"))
    content = table.read(columns)
    rows = np.arange(1, content.num_rows + 1, dtype=np.int64)
    if condition is not None:
        mask = condition.mask(content)
        content, rows = content.filter(mask), rows[mask]
    if len(rows) == 0:
        kept = f" that `{data.where}` keeps" if condition is not None else ""
        raise failure("E0604", f"`{shown(table.path)}` has no rows{kept}")
    numbers: Sequence[int] | int = rows.tolist() if condition is not None else 1
    arrays = {
        binding.name: extract(content, binding, table.path, rows=numbers) for binding in bindings
    }
    classes: Array | None = None
    if stratify in arrays:
        classes = arrays[stratify].reshape(len(rows), -1)[:, 0]
    elif stratify is not None:
        # Words stand for values of any kind, a missing one included.
        classes = np.array([str(value) for value in content.column(stratify).to_pylist()])
    return _Raw(
        path=table.path,
        bindings={binding.name: binding for binding in bindings},
        arrays=arrays,
        rows=rows,
        classes=classes,
    )


def _column(table: Table, name: str, asked_by: str) -> str:
    if name not in table.names:
        near = closest(name, table.names)
        raise failure(
            "E0605",
            f"`{name}`, which `{asked_by}` names, is no column of `{shown(table.path)}`",
            help=f"`{near}` is one" if near else "its columns are " + listed(table.names),
        )
    return name


def _fit(
    raw: _Raw,
    train: Rows,
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    steps: Mapping[str, Sequence[Preprocess]],
) -> Preprocessing:
    records = {}
    for name in inputs:
        values = raw.arrays[name]
        statistics, _ = fit(values[train], steps.get(name, ()))
        records[name] = InputRecord(
            dtype=DType(values.dtype.name),
            shape=raw.bindings[name].shape,
            columns=raw.bindings[name].columns,
            statistics=statistics,
        )
    labels = {
        name: tuple(sorted(set(raw.arrays[name][train].tolist())))
        for name in targets
        if raw.arrays[name].dtype == object
    }
    return Preprocessing(inputs=records, labels=labels)


def encode(
    values: Array, labels: Sequence[str], binding: Binding, path: Path, rows: Sequence[int] | Rows
) -> Array:
    """Class names to their indices. `rows` numbers the rows for messages. Raises `Failure`
    E0606 for a name that the training part does not have."""
    index = {word: place for place, word in enumerate(labels)}
    found = np.empty(len(values), np.int64)
    for place, word in enumerate(values.tolist()):
        known = index.get(str(word))
        if known is None:
            raise bad_value(
                path,
                int(rows[place]),
                binding.columns[0],
                f"no row of the training part is of class `{word}`",
                f"the classes are {listed(labels)}",
            )
        found[place] = known
    return found


def _refuse_outside(
    values: Array,
    bound: Bound,
    binding: Binding,
    path: Path,
    rows: Rows,
    labels: tuple[str, ...] | None,
) -> None:
    if labels is not None and len(labels) > bound.high + 1:
        raise failure(
            "E0606",
            f"column `{binding.columns[0]}` of `{shown(path)}` has {len(labels)} classes, "
            f"{bound.reason}",
            notes=(f"they are {listed(labels)}",),
            help="correct the classes, or make the output as wide",
        )
    wrong = (values < bound.low) | (values > bound.high)
    if bound.ignored is not None:
        wrong &= values != bound.ignored
    if wrong.any():
        place = int(np.argwhere(wrong)[0][0])
        value = values[place].reshape(-1)[wrong[place].reshape(-1).argmax()]
        raise bad_value(
            path,
            int(rows[place]),
            binding.columns[0],
            f"`{value}` is not from {bound.low} to {bound.high}: {bound.reason}",
        )


def file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
