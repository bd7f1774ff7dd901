"""The rows that a data section asks for, as raw arrays, and how they are divided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dlc.compiler.components.sections.data import Data
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.bad_rows import bad_rows
from dlc.runtime.data.columns import Array, Binding, bind, extract
from dlc.runtime.data.dividing import column_of, divide_rows, key_columns, split_rule
from dlc.runtime.data.filters import Filter
from dlc.runtime.data.formats.base import Skipped, Table
from dlc.runtime.data.images import Images, channels_of, holds_images
from dlc.runtime.data.raw import Reading
from dlc.runtime.data.sources import open_source
from dlc.runtime.data.splits import PARTS, Division, Rows, SplitRule
from dlc.runtime.failures import failure, shown

#: Puts the pictures of an input through its host steps, `[1, channels, height, width]` each.
PrepareImage = Callable[[str, Array], Array]


@dataclass(frozen=True, kw_only=True)
class RawRows:
    """Rows as the file has them. `rows` are their numbers from 1; `images` the names of the
    arrays that were pictures. `skipped` are rows that were left out."""

    table: Table
    bindings: Mapping[str, Binding]
    arrays: dict[str, Array]
    rows: Rows
    rule: SplitRule
    division: Division
    images: frozenset[str] = frozenset()
    skipped: tuple[Skipped, ...] = ()

    @property
    def path(self) -> Path:
        return self.table.path

    def without(self, places: Rows, skipped: Sequence[Skipped]) -> RawRows:
        """The same less the rows at `places`."""
        if not len(places):
            return self
        kept = np.setdiff1d(np.arange(len(self.rows), dtype=np.int64), places)
        return replace(
            self,
            arrays={name: values[kept] for name, values in self.arrays.items()},
            rows=self.rows[kept],
            division=_moved(self.division, kept, len(self.rows)),
            skipped=_in_order((*self.skipped, *skipped)),
        )


def read_rows(
    data: Data,
    *,
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    root: Path,
    raw: Mapping[str, DType] | None = None,
    readings: Mapping[str, Reading] | None = None,
    prepare_image: PrepareImage = lambda name, image: image,
) -> RawRows:
    """Reads, filters and divides the rows of a data section.

    `raw` is the element type of columns that are not read as their input is declared, and
    `readings` says more of those before which steps stand. The
    division is that of all rows that the filter keeps; a row that is skipped is then taken
    from its part, so that it moves no other row. Raises `Failure` E0602 to E0606.
    """
    table = open_source(data, root)
    rule = split_rule(data)
    classified = {name for name, type in targets.items() if type.dtype.is_int and type.rank == 1}
    wanted = {**inputs, **targets}
    bindings = bind(
        wanted, data.columns, table.names, table.path, raw=raw, text=classified, readings=readings
    )
    condition = Filter(data.where) if data.where is not None else None
    columns = [column for binding in bindings for column in binding.columns]
    if condition is not None:
        columns += [column_of(table, name, "data.where") for name in condition.columns]
    keys = key_columns(table, rule, bindings)
    content = table.read([*columns, *keys.values()])
    skipped = list(table.skipped)
    rows = np.arange(1, content.num_rows + len(skipped) + 1, dtype=np.int64)
    rows = np.setdiff1d(rows, np.array([row.row for row in skipped], np.int64))
    if condition is not None:
        mask = condition.mask(content)
        content, rows = content.filter(mask), rows[mask]
    if len(rows) == 0:
        that = f" that `{data.where}` keeps" if condition is not None else ""
        raise failure("E0604", f"`{shown(table.path)}` has no rows{that}")
    division = divide_rows(table, content, rows, rule, keys)
    pictures = {
        b.name for b in bindings if holds_images(b, content.schema.field(b.columns[0]).type)
    }
    arrays: dict[str, Array] = {}
    bad: dict[int, Skipped] = {}
    for binding in bindings:
        name = binding.name
        if name in pictures:
            images = _images(table, content, binding, rows, root)
            lost: list[Skipped] = []
            arrays[name] = images.stacked(
                binding.shape, partial(prepare_image, name), lost if table.skip else None
            )
            bad |= {row.row: row for row in lost}
        elif table.skip:
            bad |= bad_rows(content, binding, table.origin, rows)
    kept = _kept(table, rows, bad)
    if bad:
        content = content.take(pa.array(kept))
        arrays = {name: values[kept] for name, values in arrays.items()}
        division = _moved(division, kept, len(rows))
        rows = rows[kept]
    numbers: Sequence[int] | int = 1 if len(rows) == rows[-1] else rows.tolist()
    for binding in bindings:
        if binding.name not in pictures:
            arrays[binding.name] = extract(content, binding, table.origin, rows=numbers)
    return RawRows(
        table=table,
        bindings={binding.name: binding for binding in bindings},
        arrays=arrays,
        rows=rows,
        rule=rule,
        division=division,
        images=frozenset(pictures),
        skipped=_in_order((*skipped, *bad.values())),
    )


def _kept(table: Table, rows: Rows, bad: Mapping[int, Skipped]) -> Rows:
    """The places of the rows that are not bad; raises `Failure` E0606 where all are."""
    kept = np.flatnonzero(~np.isin(rows, np.array(list(bad), np.int64)))
    if len(kept) == 0:
        first = bad[min(bad)]
        raise failure(
            "E0606",
            f"`{shown(table.path)}`: every row is bad, such as row {first.row:,}: {first.reason}",
        )
    return kept


def _moved(division: Division, kept: Rows, count: int) -> Division:
    """The division of what is left of `count` rows when only those at `kept` stay."""
    place = np.full(count, -1, np.int64)
    place[kept] = np.arange(len(kept))
    parts = {part: place[division.part(part)] for part in PARTS}
    return Division(**{part: places[places >= 0] for part, places in parts.items()})


def _in_order(skipped: Iterable[Skipped]) -> tuple[Skipped, ...]:
    return tuple(sorted(skipped, key=lambda row: row.row))


def _images(table: Table, content: Any, binding: Binding, rows: Rows, root: Path) -> Images:
    name = binding.columns[0]
    return Images(
        column=name,
        values=content.column(name),
        channels=channels_of(binding),
        folder=table.folder,
        root=root,
        place=table.origin,
        rows=rows,
    )
