"""Classes and indices: what they may be, and class names as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.types import TensorType
from dlc.runtime.data.columns import Array
from dlc.runtime.data.formats.base import BadRow, Skipped, bad_value
from dlc.runtime.data.reading import RawRows
from dlc.runtime.failures import Failure, failure, shown


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The whole numbers that an input or target may hold: `low` to `high`, and `ignored`.
    `reason` says what sets the bound: "`logits` has 10 classes"."""

    high: int
    reason: str
    low: int = 0
    ignored: int | None = None


def labels_of(raw: RawRows, targets: Mapping[str, TensorType]) -> dict[str, tuple[str, ...]]:
    """The class names of the training part."""
    train = raw.division.train
    return {
        name: tuple(sorted(set(raw.arrays[name][train].tolist()) - {None}))
        for name in targets
        if raw.arrays[name].dtype == object
    }


def encode(values: Array, labels: Sequence[str]) -> Array:
    """Class names to their indices; -1 for a name that is not among them."""
    words = pa.array((values if values.dtype == object else values.astype(str)).reshape(-1))
    found = pc.fill_null(pc.index_in(words, value_set=pa.array(labels, words.type)), -1)
    indices: Array = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return indices.reshape(values.shape)


def lacking(values: Array, absent: int | None) -> Array:
    """Where the class of a row is missing: no word, or the number `absent`."""
    if absent is None:
        return np.zeros(values.shape, bool)
    if values.dtype == object:
        return np.array([value is None for value in values.flat], bool).reshape(values.shape)
    return np.asarray(values == absent)


def checked(
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
            wrong = (encode(values, words or ()) < 0) & ~lacking(values, raw.bindings[name].absent)
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


def refuse_one_class(
    raw: RawRows, targets: Mapping[str, TensorType], limits: Mapping[str, Bound]
) -> None:
    """A training part of one class teaches nothing, whatever the loss says."""
    for name in targets:
        values = raw.arrays[name][raw.division.train]
        if name not in limits or values.ndim != 1 or limits[name].high < 1:
            continue
        values = values[~lacking(values, raw.bindings[name].absent)]
        if len(values) > 1 and (values == values[0]).all():
            raise one_class(raw, name, values[0])


def one_class(raw: RawRows, name: str, value: object) -> Failure:
    """What is said where a training part holds one class alone."""
    return failure(
        "E0606",
        f"column `{raw.bindings[name].columns[0]}` of `{shown(raw.path)}`: every row of "
        f"the training part is of class `{value}`",
        help="there is nothing to tell apart: give rows of other classes, or check `data.where`",
    )


def _outside(values: Array, bound: Bound) -> Array:
    wrong: Array = (values < bound.low) | (values > bound.high)
    if bound.ignored is not None:
        wrong &= values != bound.ignored
    return wrong


def refuse_outside(raw: RawRows, name: str, values: Array, bound: Bound) -> None:
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
