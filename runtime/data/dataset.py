"""A data section made into arrays: read, filtered, divided, preprocessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.preprocessing.base import Preprocess, raw_type
from dlc.compiler.components.sections.data import Data
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.augmentation.places import Place, Unfinished, leading, places
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
from dlc.runtime.data.raw import Reading, reading, sample_shape
from dlc.runtime.data.reading import RawRows, open_rows, read_rows
from dlc.runtime.data.splits import Division, Rows, SplitRule
from dlc.runtime.data.steps.base import BadSample, Chunks
from dlc.runtime.failures import BAD_DATA, Failure, failure, shown
from dlc.runtime.objectives._applied import Applied
from dlc.runtime.objectives.base import Draws


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
    whose rows differ in length are made into batches, and which inputs that fills.
    `unfinished` are the inputs that augmentation changes, as it takes them; `draws` fill
    inputs and targets anew in every epoch."""

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
) -> DataSet:
    """Reads the source of a data section and makes it the arrays of a network; where it is
    for `training`, those that augmentation takes beside them. `losses` tell an objective what
    targets hold where there is nothing to find.

    Class names and statistics are fitted on the training part alone, or taken from
    `fitted`. Raises `Failure` E0602 and E0604 to E0606.
    """
    steps = preprocess or {}
    refuse_unavailable(steps)
    limits = bounds or {}
    objective = Applied(data, inputs, targets, steps, losses)
    inputs, targets = objective.inputs, objective.targets
    filled = texts.filled_inputs(steps) | objective.fills
    read = {name: type for name, type in inputs.items() if name not in filled}
    readings = _readings(read, steps)
    augmented = places(data.augment, inputs, steps) if training else {}
    cut = {name: augmented.get(name) or leading(steps.get(name, ())) for name in inputs}
    strict = {name for name in read if texts.takes_texts(steps.get(name, ()))}
    opened = open_rows(
        data,
        inputs={name: _column_type(steps.get(name, ()), type) for name, type in read.items()},
        targets=targets,
        root=root,
        raw=dict.fromkeys(strict | {n for n, r in readings.items() if r.texts}, DType.STRING),
        readings=readings,
        prepare_image=lambda name, image: _to_one_size(cut[name], image),
    )
    raw = read_rows(opened)
    labels = _labels(raw, targets) if fitted is None else fitted.labels
    raw = _checked(raw, targets, labels, limits, skip=data.on_bad_sample == "skip")
    if fitted is None:
        _refuse_one_class(raw, targets, limits)
        fitted = _fit(raw, raw.division.train, inputs, labels, steps, readings, root, cut)
    arrays: dict[str, Array | Ragged] = {}
    unfinished: dict[str, Unfinished] = {}
    for name, type in read.items():
        if texts.token_step(steps.get(name, ())) is not None:
            arrays |= _tokens(raw, name, inputs, steps, fitted, limits.get(name))
            continue
        chain, given = steps.get(name, ()), raw.arrays.pop(name)
        with _places(raw, name, raw.rows):
            done = cut[name].index if name in raw.images else 0
            if name in augmented and name not in raw.images:
                given, done = _to_one_size(cut[name], given), cut[name].index
            left, statistics = chain[done:], fitted.inputs[name].statistics[done:]
            values = apply(given, left, statistics, type)
        if name in augmented:
            unfinished[name] = Unfinished(
                values=given, steps=tuple(left), statistics=tuple(statistics)
            )
        _refuse_sizes(name, values, type, chain)
        arrays[name] = values
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
    samples = DataSet(
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
        unfinished=unfinished,
    )
    return objective.made(samples, limits)


def _to_one_size(place: Place, images: Array) -> Array:
    """Pictures after the steps that bring them to one size."""
    return transform(images, place.before, [{}] * len(place.before))


def _column_type(chain: Sequence[Preprocess], declared: TensorType) -> TensorType:
    """The type that a column is read as: of pictures of any size where steps change sizes."""
    return raw_type(chain, declared) if any(step.spatial for step in chain) else declared


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
    readings: Mapping[str, Reading],
    root: Path,
    cut: Mapping[str, Place],
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
                statistics=texts.fit_tokens(name, chain, _held(values[train]), root),
            )
            continue
        done = cut[name].index if name in raw.images else 0
        how = readings.get(name)
        _refuse_types(raw, name, values, chain[done:] if how else ())
        with _places(raw, name, raw.rows[train]):
            statistics, _ = fit(values[train], chain[done:])
        records[name] = InputRecord(
            dtype=_dtype(values),
            shape=sample_shape(how, values, type) if how else raw.bindings[name].shape,
            columns=raw.bindings[name].columns,
            statistics=({},) * done + statistics,
            range=_range(values[train], chain),
        )
    return Preprocessing(inputs=records, labels=labels)


def _held(values: Array) -> Chunks:
    return lambda: (values,)


def _readings(
    inputs: Mapping[str, TensorType], steps: Mapping[str, Sequence[Preprocess]]
) -> dict[str, Reading]:
    found = {name: reading(steps.get(name, ()), type) for name, type in inputs.items()}
    return {name: how for name, how in found.items() if how is not None}


def _dtype(values: Array) -> DType:
    return DType.STRING if values.dtype == object else DType(values.dtype.name)


def _range(values: Array, chain: Sequence[Preprocess]) -> tuple[float, float] | None:
    """The range of the raw numbers, where a step does not take every number."""
    if values.dtype == object or not any(step.partial for step in chain):
        return None
    return float(np.nanmin(values)), float(np.nanmax(values))


@contextmanager
def _places(raw: RawRows, name: str, rows: Rows) -> Iterator[None]:
    """Gives what a step refuses its row and column."""
    columns = raw.bindings[name].columns
    try:
        yield
    except BadSample as error:
        column = columns[error.column if error.column < len(columns) else 0]
        raise bad_value(
            raw.table.origin, int(rows[error.index]), column, error.message, error.help
        ) from None
    except ComponentError as error:
        raise _refused(raw, name, error) from None


def _refused(raw: RawRows, name: str, error: ComponentError) -> Failure:
    return failure(
        error.code,
        f"`preprocess.{name}`, for {listed(raw.bindings[name].columns, 3)} of "
        f"`{shown(raw.path)}`: {error.message}",
        help=error.help,
        exit_code=BAD_DATA,
    )


def _refuse_types(raw: RawRows, name: str, values: Array, chain: Sequence[Preprocess]) -> None:
    """Raises `Failure` for columns that the steps do not take."""
    type = TensorType(_dtype(values), (symbol("N"), *values.shape[1:]))
    try:
        for step in chain:
            type = step.infer(type)
    except ComponentError as error:
        raise _refused(raw, name, error) from None


def _refuse_sizes(
    name: str, values: Array, declared: TensorType, chain: Sequence[Preprocess]
) -> None:
    """Raises `Failure` E0402 for steps that end at other sizes than are declared, which only
    the data tells of those that keep a share of the variance."""
    sizes = zip(values.shape[1:], declared.shape[1:], strict=False)
    wrong = any(isinstance(dim, int) and dim != size for size, dim in sizes)
    if not chain or not (wrong or values.ndim != declared.rank):
        return
    found = declared.with_shape(declared.shape[0], *values.shape[1:])
    raise failure(
        "E0402",
        f"`preprocess.{name}`: `{chain[-1].name}` ends at {found}, and `{name}` is {declared}",
        help=f"declare `{name}` as `{found}`",
    )


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
