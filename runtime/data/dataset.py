"""A data section made into arrays: read, filtered, divided, preprocessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import numpy as np

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.sections.data import Data
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data import texts
from dlc.runtime.data.columns import Array
from dlc.runtime.data.formats.base import BadRow, Skipped, Table, bad_value
from dlc.runtime.data.preprocessing import (
    InputRecord,
    Preprocessing,
    apply,
    fit,
    refuse_unavailable,
    transform,
)
from dlc.runtime.data.ragged import Padding, Ragged
from dlc.runtime.data.reading import RawRows, open_rows, read_rows
from dlc.runtime.data.splits import Division, Rows, SplitRule
from dlc.runtime.data.steps.base import Statistics
from dlc.runtime.failures import failure, shown


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
    `rows` the row of the file that each sample came from, counted from 1; `table` is that
    file, or several, and `skipped` the rows that were left out. `padding` says how inputs
    whose rows differ in length are made into batches, and which inputs that fills."""

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

    def __len__(self) -> int:
        return len(self.rows)


def refuse_unread(data: Data) -> None:
    """Raises `Failure` E0602 for the first key of the section that is not run yet."""
    for key, note in data.used_unavailable():
        raise failure("E0602", f"`data.{key}` is not run yet", help=note)
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
    limits = bounds or {}
    read = {name: type for name, type in inputs.items() if name not in texts.filled_inputs(steps)}
    opened = open_rows(
        data,
        inputs=read,
        targets=targets,
        root=root,
        raw={name: DType.STRING for name in read if texts.takes_texts(steps.get(name, ()))},
        prepare_image=lambda name, image: transform(image, *_host_steps(steps.get(name, ()))),
    )
    raw = read_rows(opened)
    labels = _labels(raw, targets) if fitted is None else fitted.labels
    raw = _checked(raw, targets, labels, limits, skip=data.on_bad_sample == "skip")
    if fitted is None:
        _refuse_one_class(raw, targets, limits)
        fitted = _fit(raw, raw.division.train, inputs, labels, steps, root)
    arrays: dict[str, Array | Ragged] = {}
    for name, type in read.items():
        if texts.token_step(steps.get(name, ())) is not None:
            arrays |= _tokens(raw, name, inputs, steps, fitted, limits.get(name))
            continue
        done = len(_host_steps(steps.get(name, ()))[0]) if name in raw.images else 0
        left, statistics = steps.get(name, ())[done:], fitted.inputs[name].statistics[done:]
        arrays[name] = apply(raw.arrays.pop(name), left, statistics, type)
    for name, type in targets.items():
        values = raw.arrays.pop(name)
        if values.dtype == object or name in fitted.labels:
            values = encode(values, fitted.labels.get(name, ()))
        arrays[name] = values.astype(np.dtype(type.dtype.value), copy=False)
    for name, bound in limits.items():
        found = arrays.get(name)
        if found is None or isinstance(found, Ragged):
            continue
        _refuse_outside(raw, name, found, bound)
    return DataSet(
        path=raw.path,
        table=raw.table,
        sha256=raw.table.sha256(),
        arrays=arrays,
        rows=raw.rows,
        rule=raw.rule,
        division=raw.division,
        preprocessing=fitted,
        padding=texts.paddings(inputs, steps),
        skipped=raw.skipped,
    )


def _tokens(
    raw: RawRows,
    name: str,
    inputs: Mapping[str, TensorType],
    steps: Mapping[str, Sequence[Preprocess]],
    fitted: Preprocessing,
    bound: Bound | None,
) -> dict[str, Ragged]:
    """The pieces of a column of texts, and what else its tokenizer tells of them."""
    chain = steps[name]
    step, fit = texts.token_step(chain), texts.fits(inputs, steps)[name]
    assert step is not None
    tokenizer = texts.tokenizer_in(name, fitted.inputs[name].statistics)
    if bound is not None:
        texts.refuse_indices(name, tokenizer, bound.high, bound.reason, step)
    found = texts.tokens_of(name, raw.arrays.pop(name), tokenizer, fit.padding)
    column = raw.bindings[name].columns[0]
    texts.refuse_long(name, found[name], fit, raw.path, raw.rows, column, step)
    return found


def _fit(
    raw: RawRows,
    train: Rows,
    inputs: Mapping[str, TensorType],
    labels: Mapping[str, tuple[str, ...]],
    steps: Mapping[str, Sequence[Preprocess]],
    root: Path,
) -> Preprocessing:
    records = {}
    for name, type in inputs.items():
        chain = steps.get(name, ())
        if name not in raw.arrays:
            sizes = tuple(dim if isinstance(dim, int) else None for dim in type.shape[1:])
            records[name] = InputRecord(dtype=type.dtype, shape=sizes, columns=())
            continue
        values = raw.arrays[name]
        if texts.token_step(chain) is not None:
            binding = raw.bindings[name]
            texts.refuse_empty((values[train],), raw.path, binding.columns[0])
            records[name] = InputRecord(
                dtype=type.dtype,
                shape=binding.shape,
                columns=binding.columns,
                statistics=texts.fit_tokens(name, chain, lambda: (values[train],), root),
            )
            continue
        done = len(_host_steps(chain)[0]) if name in raw.images else 0
        statistics, _ = fit(values[train], chain[done:])
        records[name] = InputRecord(
            dtype=DType(values.dtype.name),
            shape=raw.bindings[name].shape,
            columns=raw.bindings[name].columns,
            statistics=({},) * done + statistics,
        )
    return Preprocessing(inputs=records, labels=labels)


def _host_steps(
    chain: Sequence[Preprocess],
) -> tuple[Sequence[Preprocess], Sequence[Statistics]]:
    """The steps that pictures go through one by one, before they are of one size."""
    steps = list(takewhile(lambda step: step.where == "host", chain))
    return steps, [{}] * len(steps)


# ── classes and indices ──────────────────────────────────────────────────────


def _labels(raw: RawRows, targets: Mapping[str, TensorType]) -> dict[str, tuple[str, ...]]:
    """The class names of the training part."""
    train = raw.division.train
    return {
        name: tuple(sorted(set(raw.arrays[name][train].tolist())))
        for name in targets
        if raw.arrays[name].dtype == object
    }


def encode(values: Array, labels: Sequence[str]) -> Array:
    """Class names to their indices; -1 for a name that is not among them."""
    index = {word: place for place, word in enumerate(labels)}
    return np.fromiter((index.get(str(word), -1) for word in values), np.int64, len(values))


def _checked(
    raw: RawRows,
    targets: Mapping[str, TensorType],
    labels: Mapping[str, tuple[str, ...]],
    limits: Mapping[str, Bound],
    *,
    skip: bool,
) -> RawRows:
    """The rows without those of unknown classes, or whose classes are out of bounds. Raises
    `Failure` E0606 for the first of them where none may be left out."""
    lost: dict[int, Skipped] = {}
    for name in targets:
        values, words, bound = raw.arrays[name], labels.get(name), limits.get(name)
        if words is not None and bound is not None:
            _refuse_many(raw, name, words, bound)
        if values.dtype == object or words is not None:
            wrong = encode(values, words or ()) < 0
            known = f"the classes are {listed(words or ())}"
        elif bound is not None:
            wrong, known = _outside(values, bound), None
        else:
            continue
        for place in np.unique(np.argwhere(wrong)[:, 0]).tolist():
            problem = _bad_class(raw, name, place, wrong, bound, known)
            if not skip:
                raise problem
            row = Skipped(row=problem.row, column=problem.column, reason=problem.reason)
            lost.setdefault(place, row)
    return raw.without(np.array(sorted(lost), np.int64), tuple(lost.values()))


def _bad_class(
    raw: RawRows, name: str, place: int, wrong: Array, bound: Bound | None, known: str | None
) -> BadRow:
    row, column = int(raw.rows[place]), raw.bindings[name].columns[0]
    value = (
        raw.arrays[name][place].reshape(-1)[wrong[place].reshape(-1).argmax()]
        if (np.ndim(raw.arrays[name][place]))
        else raw.arrays[name][place]
    )
    if known is None:
        assert bound is not None
        message = f"`{value}` is not from {bound.low} to {bound.high}: {bound.reason}"
    else:
        message = f"no row of the training part is of class `{value}`"
    return bad_value(raw.table.origin, row, column, message, known)


def _refuse_many(raw: RawRows, name: str, words: tuple[str, ...], bound: Bound) -> None:
    if len(words) > bound.high + 1:
        raise failure(
            "E0606",
            f"column `{raw.bindings[name].columns[0]}` of `{shown(raw.path)}` has {len(words)} "
            f"classes, {bound.reason}",
            notes=(f"they are {listed(words)}",),
            help="correct the classes, or make the output as wide",
        )


def _refuse_one_class(
    raw: RawRows, targets: Mapping[str, TensorType], limits: Mapping[str, Bound]
) -> None:
    """A training part of one class teaches nothing, whatever the loss says."""
    for name in targets:
        values = raw.arrays[name][raw.division.train]
        if name not in limits or values.ndim != 1 or limits[name].high < 1:
            continue
        if len(values) > 1 and (values == values[0]).all():
            raise failure(
                "E0606",
                f"column `{raw.bindings[name].columns[0]}` of `{shown(raw.path)}`: every row of "
                f"the training part is of class `{values[0]}`",
                help="there is nothing to tell apart: give rows of other classes, or check "
                "`data.where`",
            )


def _outside(values: Array, bound: Bound) -> Array:
    wrong: Array = (values < bound.low) | (values > bound.high)
    if bound.ignored is not None:
        wrong &= values != bound.ignored
    return wrong


def _refuse_outside(raw: RawRows, name: str, values: Array, bound: Bound) -> None:
    wrong = _outside(values, bound)
    if wrong.any():
        place = int(np.argwhere(wrong)[0][0])
        value = values[place].reshape(-1)[wrong[place].reshape(-1).argmax()]
        raise bad_value(
            raw.table.origin,
            int(raw.rows[place]),
            raw.bindings[name].columns[0],
            f"`{value}` is not from {bound.low} to {bound.high}: {bound.reason}",
        )
