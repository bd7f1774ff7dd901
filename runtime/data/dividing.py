"""How the rows of a data section fall into parts: the rule, and the columns that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sections.split import Split
from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.runtime.data.columns import Binding
from dlc.runtime.data.filters import Filter
from dlc.runtime.data.formats.base import Table, bad_value
from dlc.runtime.data.formats.joined import JoinedTable
from dlc.runtime.data.sources import open_source, parts_of
from dlc.runtime.data.splits import Division, Rows, SplitRule, divide, fold_count
from dlc.runtime.failures import failure, shown


def split_rule(data: Data) -> SplitRule:
    """How a data section divides its rows."""
    split = data.split
    given: tuple[str, ...] = ()
    shares = (0.8, 0.1, 0.1) if split is None else split.shares
    if isinstance(data.source, Files):
        given = tuple(part for part, _ in parts_of(data.source))
        shares = _shares_beside(given, split)
    if split is None:
        return SplitRule(shares=shares, given=given)
    return SplitRule(
        shares=shares,
        seed=split.seed,
        stratify=split.stratify,
        group=split.group,
        time=split.time,
        folds=split.folds,
        fold=split.fold,
        given=given,
    )


def _shares_beside(given: tuple[str, ...], split: Split | None) -> tuple[float, float, float]:
    """How the file to learn from is divided where other parts have files of their own."""
    if "validation" in given:
        return (1.0, 0.0, 0.0)
    if split is None or (split.train is None and split.validation is None):
        return (0.9, 0.1, 0.0)
    validation = 1.0 - (split.train or 0.0) if split.validation is None else split.validation
    return (1.0 - validation, validation, 0.0)


def column_of(table: Table, name: str, asked_by: str) -> str:
    """The column of that name; raises `Failure` E0605 where there is none. `asked_by` is the
    key of the spec that names it."""
    if name not in table.names:
        near = closest(name, table.names)
        raise failure(
            "E0605",
            f"`{name}`, which `{asked_by}` names, is no column of `{shown(table.path)}`",
            help=f"`{near}` is one" if near else "its columns are " + listed(table.names),
        )
    return name


def count_folds(data: Data, root: Path, bindings: Mapping[str, str]) -> int:
    """How many folds the rows make. `bindings` names the column of an input or target."""
    rule = split_rule(data)
    if rule.folds != "groups":
        return fold_count(rule, None)
    table = open_source(data, root)
    assert rule.group is not None
    group = column_of(table, bindings.get(rule.group, rule.group), "data.split.group")
    condition = Filter(data.where) if data.where is not None else None
    content = table.read([group, *(condition.columns if condition else ())])
    if condition is not None:
        content = content.filter(condition.mask(content))
    groups = _codes(content.column(group))
    if rule.shares[2] == 0:
        return fold_count(rule, groups)
    held_out = divide(len(groups), replace(rule, folds=None), groups=groups).test
    return fold_count(rule, np.delete(groups, held_out))


def key_columns(table: Table, rule: SplitRule, bindings: Sequence[Binding]) -> dict[str, str]:
    """The columns that decide the division, by the key of `split` that names them; a target
    or input stands for its first column."""
    named = {binding.name: binding.columns[0] for binding in bindings}
    found = {}
    for key in ("stratify", "group", "time"):
        name = getattr(rule, key)
        if name is not None:
            found[key] = named.get(name) or column_of(table, name, f"data.split.{key}")
    return found


def divide_rows(
    table: Table, content: Any, rows: Rows, rule: SplitRule, keys: Mapping[str, str]
) -> Division:
    """The division of the rows of `content`, which holds the columns `keys`. `rows` are their
    numbers in `table`, which has just been read. Raises `Failure` E0604, E0606."""
    starts = [0, len(rows)]
    if len(rule.given) > 1:
        assert isinstance(table, JoinedTable)
        starts = np.searchsorted(rows, np.cumsum([0, *table.counts]) + 1).tolist()
        for part, start, stop in zip(rule.given, starts, starts[1:], strict=False):
            if start == stop:
                raise failure("E0604", f"the file of the part `{part}` has no rows")
    first = content.slice(0, starts[1])
    classes = _codes(first.column(keys["stratify"])) if "stratify" in keys else None
    groups = _codes(first.column(keys["group"])) if "group" in keys else None
    times = (
        times_of(table, first.column(keys["time"]), keys["time"], rows) if "time" in keys else None
    )
    found = divide(starts[1], rule, classes, groups=groups, times=times)
    own = {
        part: np.arange(start, stop, dtype=np.int64)
        for part, start, stop in zip(rule.given[1:], starts[1:], starts[2:], strict=False)
    }
    return replace(found, **own)


def _codes(values: Any) -> npt.NDArray[np.int64]:
    """Equal numbers for equal values of any kind, a missing one included."""
    try:
        encoded = pc.dictionary_encode(values).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        words = np.array([str(value) for value in values.to_pylist()])
        found: npt.NDArray[np.int64] = np.unique(words, return_inverse=True)[1]
        return found.reshape(-1)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([]).dictionary_encode()
    # Ranks of the values, so that the order of first rows has no part in the division.
    names = [str(value) for value in encoded.dictionary.to_pylist()]
    rank = np.argsort(np.argsort(np.array(names), kind="stable"), kind="stable")
    indices = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
    return np.where(indices < 0, -1, rank[indices] if len(rank) else -1)


def times_of(table: Table, values: Any, name: str, rows: Rows) -> npt.NDArray[Any]:
    """A column of times as numbers: those that it holds, or dates as microseconds."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = _times_in_text(table, values, name, rows)
    elif pa.types.is_temporal(values.type) and not pa.types.is_duration(values.type):
        values = values.cast(pa.timestamp("us")).cast(pa.int64())
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise failure(
            "E0606",
            f"column `{name}` of `{shown(table.path)}` holds `{values.type}`, which is no time",
            help="`data.split.time` takes numbers, or dates such as `2024-05-31`",
        )
    wrong = np.asarray(pc.fill_null(pc.invert(pc.is_finite(values)), True).to_numpy())
    if wrong.any():
        raise bad_value(table.origin, int(rows[wrong.argmax()]), name, "the time is missing")
    return np.asarray(values.to_numpy())


def _times_in_text(table: Table, values: Any, name: str, rows: Rows) -> Any:
    found = _read_times(values)
    if found is not None:
        return found
    for index, value in enumerate(values.to_pylist()):
        if _read_times(pa.scalar(value)) is None:
            raise bad_value(
                table.origin,
                int(rows[index]),
                name,
                f"`{value}` is no time",
                "`data.split.time` takes numbers, or dates such as `2024-05-31`",
            )
    raise failure(
        "E0606",
        f"column `{name}` of `{shown(table.path)}` mixes numbers and dates, or times with and "
        "without a zone",
        help="write all times in one way",
    )


def _read_times(values: Any) -> Any:
    """Texts as numbers, or as dates in microseconds; None where some are neither."""
    for type in (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            found = pc.cast(values, type)
        except pa.ArrowInvalid:
            continue
        return found if type == pa.float64() else found.cast(pa.int64())
    return None
