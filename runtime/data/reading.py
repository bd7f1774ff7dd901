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
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.bad_rows import bad_rows
from dlc.runtime.data.columns import Array, Binding, bind, extract
from dlc.runtime.data.dividing import column_of, divide_rows, key_columns, split_rule
from dlc.runtime.data.filters import Filter
from dlc.runtime.data.formats.base import Skipped, Table
from dlc.runtime.data.formats.image_folder import ImageFolder
from dlc.runtime.data.formats.listed_pictures import listed_pictures
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
            division=moved(self.division, kept, len(self.rows)),
            skipped=in_order((*self.skipped, *skipped)),
        )


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A data section whose table is open, and of which no row is read yet. `keys` are the
    columns that decide the division."""

    table: Table
    rule: SplitRule
    bindings: tuple[Binding, ...]
    condition: Filter | None
    keys: Mapping[str, str]
    root: Path
    prepare_image: PrepareImage

    def columns(self, bindings: Iterable[Binding]) -> list[str]:
        """What is read to fill some inputs or targets."""
        return [column for binding in bindings for column in binding.columns]

    @property
    def numbers(self) -> frozenset[str]:
        """The columns that fill inputs and targets of floats and nothing else."""
        floats, others = set[str](), {*self.deciding}
        for binding in self.bindings:
            plain = binding.raw is None and not binding.text and binding.joins is None
            is_float = plain and binding.declared.dtype.is_float
            (floats if is_float else others).update(binding.columns)
        return frozenset(floats - others)

    @property
    def deciding(self) -> list[str]:
        """The columns that decide which rows are kept, and in which part."""
        kept = self.condition.columns if self.condition is not None else ()
        names = [column_of(self.table, name, "data.where") for name in kept]
        return [*names, *self.keys.values()]

    def kept(self, content: pa.Table) -> Rows:
        """The places of the rows that the filter keeps."""
        if self.condition is None:
            return np.arange(content.num_rows, dtype=np.int64)
        return np.flatnonzero(self.condition.mask(content))

    def refuse_none(self, rows: Rows) -> None:
        """Raises `Failure` E0604 where no row is left."""
        if len(rows) == 0:
            condition = self.condition
            that = f" that `{condition.condition}` keeps" if condition is not None else ""
            raise failure("E0604", f"`{shown(self.table.path)}` has no rows{that}")


def open_rows(
    data: Data,
    *,
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    root: Path,
    raw: Mapping[str, DType] | None = None,
    readings: Mapping[str, Reading] | None = None,
    prepare_image: PrepareImage = lambda name, image: image,
) -> Opened:
    """Opens the source of a data section and finds the columns of each input and target.

    `raw` is the element type of columns that are not read as their input is declared, and
    `readings` says more of those before which steps stand. Raises `Failure` E0602 to E0605.
    """
    table = open_source(data, root)
    rule = split_rule(data)
    classified = {name for name, type in targets.items() if type.dtype.is_int and type.rank == 1}
    wanted = {**inputs, **targets}
    bindings = bind(
        wanted, data.columns, table.names, table.path, raw=raw, text=classified, readings=readings
    )
    opened = Opened(
        table=table,
        rule=rule,
        bindings=bindings,
        condition=Filter(data.where) if data.where is not None else None,
        keys=key_columns(table, rule, (*bindings, *_unread(data, rule, table, wanted))),
        root=root,
        prepare_image=prepare_image,
    )
    # A folder has its own blocks.
    pictures = [b.columns[0] for b in bindings if len(b.columns) == 1 and len(b.shape) == 3]
    if not pictures or isinstance(table, ImageFolder):
        return opened
    columns = [*opened.columns(bindings), *opened.deciding]
    return replace(opened, table=listed_pictures(table, pictures[0], columns))


def read_rows(opened: Opened) -> RawRows:
    """Reads, filters and divides all rows.

    The division is that of all rows that the filter keeps; a row that is skipped is then
    taken from its part, so that it moves no other row. Raises `Failure` E0604 to E0606.
    """
    table = opened.table
    content = table.read([*opened.columns(opened.bindings), *opened.deciding], opened.numbers)
    skipped = list(table.skipped)
    rows = np.arange(1, content.num_rows + len(skipped) + 1, dtype=np.int64)
    rows = np.setdiff1d(rows, np.array([row.row for row in skipped], np.int64))
    if opened.condition is not None:
        kept = opened.kept(content)
        content, rows = content.take(pa.array(kept)), rows[kept]
    opened.refuse_none(rows)
    division = divide_rows(table, content, rows, opened.rule, opened.keys)
    found = values_of(opened, opened.bindings, content, rows)
    refuse_all_bad(table, len(found.rows), found.bad)
    if found.bad:
        division = moved(division, np.flatnonzero(np.isin(rows, found.rows)), len(rows))
    return RawRows(
        table=table,
        bindings={binding.name: binding for binding in opened.bindings},
        arrays=found.arrays,
        rows=found.rows,
        rule=opened.rule,
        division=division,
        images=found.images,
        skipped=in_order((*skipped, *found.bad.values())),
    )


@dataclass(frozen=True, kw_only=True)
class Values:
    """Raw arrays of some rows, whose numbers are `rows`; none where there is no row. `bad`
    are those that were left out, by number."""

    arrays: dict[str, Array]
    rows: Rows
    bad: Mapping[int, Skipped]
    images: frozenset[str]


def values_of(opened: Opened, bindings: Sequence[Binding], content: pa.Table, rows: Rows) -> Values:
    """The raw arrays of some inputs and targets for the rows of `content`. Raises `Failure`
    E0606 for the first row that does not fit, unless the table skips such rows."""
    table = opened.table
    pictures = {
        b.name for b in bindings if holds_images(b, content.schema.field(b.columns[0]).type)
    }
    arrays: dict[str, Array] = {}
    bad: dict[int, Skipped] = {}
    for binding in bindings:
        name = binding.name
        if name in pictures:
            images = _images(table, content, binding, rows, opened.root)
            lost: list[Skipped] = []
            arrays[name] = images.stacked(
                binding.shape, partial(opened.prepare_image, name), lost if table.skip else None
            )
            bad |= {row.row: row for row in lost}
        elif table.skip:
            bad |= bad_rows(content, binding, table.origin, rows)
    if bad:
        kept = np.flatnonzero(~np.isin(rows, np.array(list(bad), np.int64)))
        content = content.take(pa.array(kept))
        arrays = {name: values[kept] for name, values in arrays.items()}
        rows = rows[kept]
    for binding in bindings if len(rows) else ():
        if binding.name not in pictures:
            arrays[binding.name] = extract(content, binding, table.origin, rows=_numbers(rows))
    return Values(arrays=arrays, rows=rows, bad=bad, images=frozenset(pictures))


def _numbers(rows: Rows) -> Sequence[int] | int:
    """The number of the first row where the others follow, else all of them."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return int(rows[0])
    numbers: list[int] = rows.tolist()
    return numbers


def refuse_all_bad(table: Table, count: int, bad: Mapping[int, Skipped]) -> None:
    """Raises `Failure` E0606 where every row is bad."""
    if count == 0:
        first = bad[min(bad)]
        raise failure(
            "E0606",
            f"`{shown(table.path)}`: every row is bad, such as row {first.row:,}: {first.reason}",
        )


def moved(division: Division, kept: Rows, count: int) -> Division:
    """The division of what is left of `count` rows when only those at `kept` stay."""
    place = np.full(count, -1, np.int64)
    place[kept] = np.arange(len(kept))
    parts = {part: place[division.part(part)] for part in PARTS}
    return Division(**{part: places[places >= 0] for part, places in parts.items()})


def in_order(skipped: Iterable[Skipped]) -> tuple[Skipped, ...]:
    return tuple(sorted(skipped, key=lambda row: row.row))


def _images(table: Table, content: Any, binding: Binding, rows: Rows, root: Path) -> Images:
    name = binding.columns[0]
    return Images(
        input=binding.name,
        column=name,
        values=content.column(name),
        channels=channels_of(binding),
        folder=table.folder,
        root=root,
        place=table.origin,
        rows=rows,
    )


def _unread(
    data: Data, rule: SplitRule, table: Table, read: Mapping[str, TensorType]
) -> tuple[Binding, ...]:
    """The columns of inputs that the division names and that are not read here."""
    named = {name for name in (rule.stratify, rule.group, rule.time) if name in data.columns}
    # Nothing is taken from them: any type will do.
    types = {name: TensorType(DType.STRING, (symbol("N"),)) for name in named - read.keys() if name}
    return bind(types, data.columns, table.names, table.path)
