"""Data that is larger than memory: read in blocks, whenever a block is wanted.

Before training the blocks are read in passes: one for the columns that decide which rows
are kept, and in which part; one that looks at every value, as reading all at once would;
one for each step that is fitted. What is kept of them is a few numbers a row. A block is
later made into arrays by the recipe that makes a whole file into arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.augmentation.places import Unfinished
from dlc.runtime.data.blocks import Blocks
from dlc.runtime.data.classes import checked, lacking, one_class
from dlc.runtime.data.columns import Array
from dlc.runtime.data.dividing import divide_rows
from dlc.runtime.data.formats.base import Skipped, Stored
from dlc.runtime.data.preprocessing import Preprocessing, fit_stream
from dlc.runtime.data.reading import (
    Opened,
    RawRows,
    in_order,
    moved,
    refuse_all_bad,
    values_of,
)
from dlc.runtime.data.recipe import Finished, Recipe
from dlc.runtime.data.splits import Division, Rows
from dlc.runtime.data.steps.base import Statistics
from dlc.runtime.failures import failure, shown


class Stream:
    """The kept rows of a data section, in blocks. `rows` are their numbers, `division` their
    parts, `blocks` where they lie, `skipped` those that were left out; `fitted` is the
    preprocessing, fitted on the training part or as given."""

    def __init__(
        self, recipe: Recipe, opened: Opened, stored: Stored, fitted: Preprocessing | None = None
    ) -> None:
        """Raises what reading all at once raises."""
        self.recipe = recipe
        self.opened = opened
        self.table = opened.table
        self.skipped: tuple[Skipped, ...] = ()
        self._bindings = {binding.name: binding for binding in opened.bindings}
        self._schema = stored.schema
        self._first = np.cumsum([0, *stored.rows])
        # What all blocks of a column hold; each alone may seem to hold something else.
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._pictures: dict[str, tuple[int | None, ...]] = {}
        self.rows, self.division = self._divided(stored)
        self._part_changed()
        skip = self.table.skip
        if fitted is not None:
            self._read_as(fitted)
        if fitted is None or skip:
            self._look()
        labels = self._labels() if fitted is None else fitted.labels
        if fitted is None or skip:
            self._check_classes(labels, skip=skip, alone=fitted is None)
        # What is bad has been left out: from here on a bad row is an error.
        self.table.skip = False
        self.fitted = self._fit(labels) if fitted is None else fitted

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def blocks(self) -> Blocks:
        return Blocks(self._starts, self._row_bytes())

    @property
    def count_blocks(self) -> int:
        """How many blocks there are; some may have no row that is kept."""
        return len(self._starts) - 1

    def load(self, block: int, names: Sequence[str] | None = None) -> dict[str, Array]:
        """The samples of a block, ready for the network: all inputs and targets, or some.
        Raises `Failure`."""
        return _dense(self._made(block, names))

    def load_unfinished(self, block: int) -> dict[str, Array]:
        """The same, but inputs that augmentation changes are as it takes them."""
        made = self._made(block, None)
        return {**_dense(made), **{name: found.values for name, found in made.unfinished.items()}}

    def finished(self, block: int) -> Finished:
        """All that is made of a block: texts in pieces, too."""
        return self._made(block, None)

    def column(self, name: str) -> Array:
        """All samples of one input or target."""
        parts = [self.load(block, [name]) for block in range(len(self.blocks))]
        return np.concatenate([part[name] for part in parts if part])

    def take(self, rows: Rows, *, unfinished: bool = False) -> dict[str, Array]:
        """Some samples, in the order of `rows`."""
        found: dict[str, Array] = {}
        block_of = self.blocks.of(rows)
        for block in np.unique(block_of).tolist():
            places = np.flatnonzero(block_of == block)
            inside = rows[places] - self._starts[block]
            for name, values in self._ready(block, unfinished).items():
                if name not in found:
                    found[name] = np.empty((len(rows), *values.shape[1:]), values.dtype)
                found[name][places] = values[inside]
        return found

    def unfinished(self) -> dict[str, Unfinished]:
        """The inputs that augmentation changes, without their values."""
        for block in range(len(self.blocks) if self.recipe.augmented else 0):
            found = self._made(block, None).unfinished
            if found:
                none = {name: each.values[:0].copy() for name, each in found.items()}
                return {name: replace(each, values=none[name]) for name, each in found.items()}
        return {}

    def _ready(self, block: int, unfinished: bool) -> dict[str, Array]:
        return self.load_unfinished(block) if unfinished else self.load(block)

    def _made(self, block: int, names: Sequence[str] | None) -> Finished:
        raw = self._raw(block, names)
        if not raw.arrays:
            return Finished(arrays={}, unfinished={})
        raw = checked(raw, self._targets(raw), self.fitted.labels, self.recipe.bounds, skip=False)
        return self.recipe.finished(raw, self.fitted)

    def _row_bytes(self) -> int:
        for block in range(self.count_blocks):
            found = self.load(block)
            if found:
                return row_bytes(found)
        return 0

    # ── one block as the file has it ─────────────────────────────────────────

    def _raw(self, block: int, names: Sequence[str] | None = None) -> RawRows:
        """Its kept rows, divided. A table that skips lists what is bad in `skipped`."""
        start, stop = self._starts[block], self._starts[block + 1]
        rows = self.rows[start:stop]
        wanted = None if names is None else {self.recipe.shared.get(n, n) for n in names}
        bindings = [
            replace(b, shape=self._pictures.get(name, b.shape))
            for name, b in self._bindings.items()
            if wanted is None or name in wanted
        ]
        raw = RawRows(
            table=self.table,
            bindings=self._bindings,
            arrays={},
            rows=rows,
            rule=self.opened.rule,
            division=_training(self._trains[start:stop]),
        )
        if len(rows) == 0 or not bindings:
            return raw
        content = self.table.block(block, self.opened.columns(bindings))
        if content.num_rows != len(rows):
            content = content.take(pa.array(rows - self._first[block] - 1))
        found = values_of(self.opened, bindings, content, rows)
        trains = self._trains[start:stop][np.isin(rows, found.rows)] if found.bad else None
        for name in found.images if len(found.rows) else ():
            # The first picture decides the size, as it does where all are read at once.
            self._pictures.setdefault(name, found.arrays[name].shape[1:])
        return replace(
            raw,
            arrays={name: self._alike(name, a, found.rows) for name, a in found.arrays.items()},
            rows=found.rows,
            division=raw.division if trains is None else _training(trains),
            images=found.images,
            skipped=tuple(found.bad.values()),
        )

    def _alike(self, name: str, values: Array, rows: Rows) -> Array:
        """The values in the element type of all blocks. Raises `Failure` E0606 where a block
        has rows of another size."""
        shape = self._shapes.setdefault(name, values.shape[1:]) if len(values) else None
        if shape is None:
            return values
        if values.shape[1:] != shape:
            raise failure(
                "E0606",
                f"`{shown(self.table.path)}`, from row {rows[0]:,} on: a row fills `{name}` with "
                f"{_sizes(values.shape[1:])}, where those above have {_sizes(shape)}",
                help="bring all rows to one size first",
            )
        dtype = self._dtypes.get(name)
        return values if dtype is None else values.astype(dtype, copy=False)

    def _targets(self, raw: RawRows) -> dict[str, TensorType]:
        return {name: t for name, t in self.recipe.targets.items() if name in raw.arrays}

    # ── before training ──────────────────────────────────────────────────────

    def _divided(self, stored: Stored) -> tuple[Rows, Division]:
        opened = self.opened
        deciding = list(dict.fromkeys(opened.deciding))
        if not deciding:
            rows = np.arange(1, self._first[-1] + 1, dtype=np.int64)
            content = pa.table({})
        else:
            kept, parts = [], []
            for block, first in enumerate(self._first[:-1].tolist()):
                part = self.table.block(block, deciding)
                places = opened.kept(part)
                kept.append(places + first + 1)
                parts.append(
                    part.select(list(dict.fromkeys(opened.keys.values()))).take(pa.array(places))
                )
            rows, content = np.concatenate(kept), pa.concat_tables(parts)
        opened.refuse_none(rows)
        return rows, divide_rows(self.table, content, rows, opened.rule, opened.keys)

    def _part_changed(self) -> None:
        self._starts: Rows = np.searchsorted(self.rows, self._first + 1)
        self._trains = np.zeros(len(self.rows), np.bool_)
        self._trains[self.division.train] = True

    def _leave_out(self, skipped: Mapping[int, Skipped]) -> None:
        if not skipped:
            return
        stay = ~np.isin(self.rows, np.array(list(skipped), np.int64))
        refuse_all_bad(self.table, int(stay.sum()), skipped)
        self.division = moved(self.division, np.flatnonzero(stay), len(self.rows))
        self.rows = self.rows[stay]
        self.skipped = in_order((*self.skipped, *skipped.values()))
        self._part_changed()

    def raw_blocks(self, names: Sequence[str] | None = None) -> Iterator[RawRows]:
        """The blocks in order, as the file has them, of all inputs and targets or of some."""
        for block in range(self.count_blocks):
            raw = self._raw(block, names)
            if raw.arrays or raw.skipped:
                yield raw

    def _read_as(self, fitted: Preprocessing) -> None:
        """Columns are read as those were that the preprocessing was fitted on."""
        for name in fitted.labels:
            self._read_as_text(name)
        for name, record in fitted.inputs.items():
            text = record.dtype is DType.STRING or name in self.recipe.of_tokens
            if name in self._bindings and not text:
                self._dtypes[name] = np.dtype(record.dtype.value)

    def _read_as_text(self, name: str) -> None:
        binding = self._bindings[name]
        type = self._schema.field(binding.columns[0]).type
        if pa.types.is_dictionary(type):
            type = type.value_type
        if pa.types.is_string(type) or pa.types.is_large_string(type):
            self._bindings[name] = replace(binding, raw=DType.STRING)

    def _look(self) -> None:
        """Reads every value once: bad rows are left out or raise, and what the blocks of a
        column hold in common is known."""
        while True:
            seen: dict[str, set[np.dtype[Any]]] = {name: set() for name in self._bindings}
            bad: dict[int, Skipped] = {}
            self._dtypes = {}
            for raw in self.raw_blocks():
                bad |= {row.row: row for row in raw.skipped}
                for name, values in raw.arrays.items():
                    seen[name].add(values.dtype)
            mixed = [
                name for name, types in seen.items() if len({t.kind == "O" for t in types}) > 1
            ]
            if not mixed:
                break
            # Numbers in all rows of one block are words where another has words.
            for name in mixed:
                self._read_as_text(name)
        self._leave_out(bad)
        self._dtypes = {name: _common(types) for name, types in seen.items() if types}

    def _labels(self) -> dict[str, tuple[str, ...]]:
        """The class names of the training part."""
        named = [
            name
            for name in self.recipe.targets
            if name in self._dtypes and self._dtypes[name].kind == "O"
        ]
        found: dict[str, set[str]] = {name: set() for name in named}
        for raw in self.raw_blocks(named) if named else ():
            for name in named:
                found[name] |= set(raw.arrays[name][raw.division.train].tolist()) - {None}
        return {name: tuple(sorted(words)) for name, words in found.items()}

    def _check_classes(
        self, labels: Mapping[str, tuple[str, ...]], *, skip: bool, alone: bool
    ) -> None:
        targets, bounds = self.recipe.targets, self.recipe.bounds
        names = [name for name in targets if name in labels or name in bounds]
        trained: dict[str, set[Any]] = {name: set() for name in names}
        bad: dict[int, Skipped] = {}
        example: RawRows | None = None
        for raw in self.raw_blocks(names) if names else ():
            raw = replace(raw, skipped=())
            example = checked(raw, self._targets(raw), labels, bounds, skip=skip)
            bad |= {row.row: row for row in example.skipped}
            for name in names:
                values = example.arrays[name][example.division.train]
                values = values[~lacking(values, raw.bindings[name].absent)]
                if values.ndim == 1 and len(trained[name]) < 2:
                    trained[name] |= set(np.unique(values).tolist())
        self._leave_out(bad)
        for name in names if alone and example is not None else ():
            one = len(self.division.train) > 1 and len(trained[name]) == 1
            if one and name in bounds and bounds[name].high >= 1:
                assert example is not None
                raise one_class(example, name, next(iter(trained[name])))

    def _fit(self, labels: Mapping[str, tuple[str, ...]]) -> Preprocessing:
        records = {}
        for name in self.recipe.inputs:
            if name not in self._bindings:
                records[name] = self.recipe.filled_record(name)
                continue
            train = _Training(self, name)
            if name in self.recipe.of_tokens:
                records[name] = self.recipe.token_record(
                    self._bindings[name], name, train, self.table.path
                )
                continue
            raw = next(self.raw_blocks([name]))
            records[name] = self.recipe.record(
                raw, name, raw.arrays[name], train, train.fit, train.current
            )
        return Preprocessing(inputs=records, labels=labels)


class _Training:
    """The raw values of an input in the training part, block by block, from the start at each
    call. `rows` are the numbers of those given last."""

    def __init__(self, stream: Stream, name: str) -> None:
        self.stream = stream
        self.name = name
        self.rows: Rows = np.zeros(0, np.int64)

    def __call__(self) -> Iterator[Array]:
        for raw in self.stream.raw_blocks([self.name]):
            places = raw.division.train
            if len(places):
                self.rows = raw.rows[places]
                yield raw.arrays[self.name][places]

    def fit(self, chain: Sequence[Preprocess]) -> tuple[Statistics, ...]:
        return fit_stream(self, chain)

    def current(self) -> Rows:
        return self.rows


class Columns(Mapping[str, Array]):
    """The inputs and targets of a stream by name: one is read when it is asked for, whole."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        recipe = stream.recipe
        self.names = (*recipe.read, *recipe.targets, *recipe.shared)

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        return self.stream.column(name)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _dense(made: Finished) -> dict[str, Array]:
    return {name: found for name, found in made.arrays.items() if isinstance(found, np.ndarray)}


def row_bytes(arrays: Mapping[str, Array]) -> int:
    """What a sample takes in memory."""
    return sum(values.nbytes // max(len(values), 1) for values in arrays.values())


def _training(trains: Array) -> Division:
    nobody = np.zeros(0, np.int64)
    return Division(train=np.flatnonzero(trains), validation=nobody, test=nobody)


def _common(types: Collection[np.dtype[Any]]) -> np.dtype[Any]:
    """Numbers of which some are missing are floats, in every block."""
    return min(types, key=lambda found: "Ofiub".find(found.kind))


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + " numbers" if shape else "one number"
