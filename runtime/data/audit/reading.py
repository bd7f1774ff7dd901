"""One pass over the rows of a spec's source, in chunks, into `Facts`.

What is kept of all rows is some ten bytes a row; the rest is kept of a sample, whose size
is bounded in cells. The sample holds the rows whose numbers scramble to the lowest values,
so it does not depend on the chunks, nor on what the rows hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.audit.cells import (
    MISSING_CODE,
    ListCells,
    TextCodes,
    flat_array,
    innermost,
    is_list,
    is_number,
    is_text,
    lists_in,
    mix,
    numbers_in,
    odd_multipliers,
    prints_of,
)
from dlc.runtime.data.audit.facts import Rows, Sample
from dlc.runtime.data.audit.profile import Cell, Column, Kind, Moments, Spread, histogram

_CHUNK_CELLS = 4 << 20
_SAMPLE_CELLS = 8 << 20
_MOST_SAMPLED = 32_768
_LEAST_SAMPLED = 256
_MASK = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A column to look at: what it fills, whether it may hold texts by design, or images, and
    whether its values are classes, which are kept for every row."""

    name: str
    owner: str
    target: bool
    texts: bool = False
    images: bool = False
    classes: bool = False


@dataclass(kw_only=True)
class _State:
    wanted: Wanted
    kind: Kind
    missing: int = 0
    first_missing: int | None = None
    unreadable: int = 0
    first_unreadable: Cell | None = None
    moments: Moments = field(default_factory=lambda: Moments(1))
    codes: TextCodes = field(default_factory=TextCodes)
    width: int | None = None
    low: npt.NDArray[np.float64] | None = None
    high: npt.NDArray[np.float64] | None = None
    print: int = 0
    classes: list[npt.NDArray[np.int32]] = field(default_factory=list)


def takes_texts(type: TensorType, steps: Sequence[Preprocess], classes: bool) -> bool:
    """Whether an input or target takes texts."""
    if classes or type.dtype is DType.STRING:
        return True
    if not steps:
        return False
    try:
        steps[0].infer(TensorType(DType.STRING, type.shape[:1]))
    except ComponentError:
        return False
    return True


def takes_classes(name: str, type: TensorType, settings: Settings) -> bool:
    """Whether a target holds class names or numbers."""
    if type.dtype is DType.BOOL or (type.dtype.is_int and type.rank == 1):
        return True
    return any(
        isinstance(term.loss, BinaryCrossEntropyWithLogits) and term.loss.target == name
        for term in settings.loss
    )


class Scan:
    """The running state of a pass. `add` takes the chunks in order."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._wanted = {column.name: column for column in wanted}
        self._multipliers = dict(zip(self._wanted, odd_multipliers(len(wanted)), strict=True))
        self._states: dict[str, _State] = {}
        self._prints: dict[bool, list[npt.NDArray[np.uint64]]] = {False: [], True: []}
        self._rows: list[Rows] = []
        self._done = 0
        self._sampler = _Sampler()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._wanted)

    @staticmethod
    def chunk_rows(columns: int) -> int:
        return max(256, min(65_536, _CHUNK_CELLS // max(columns, 1)))

    def add(self, table: pa.Table, rows: Rows) -> None:
        """A chunk of kept rows, and which of the rows that were read they are, from 1."""
        if not len(rows):
            return
        arrays = {name: flat_array(table.column(name)) for name in self._wanted}
        for name, array in arrays.items():
            if name not in self._states:
                wanted = self._wanted[name]
                self._states[name] = _State(wanted=wanted, kind=_kind(wanted, array.type))
        row_prints = {side: np.zeros(len(rows), np.uint64) for side in (False, True)}
        places = np.arange(self._done, self._done + len(rows), dtype=np.int64)
        chosen = self._sampler.choose(places)
        numbers = [s for s in self._states.values() if s.kind is Kind.NUMBER]
        if numbers:
            self._add_numbers(numbers, arrays, rows, row_prints, chosen)
        for state in self._states.values():
            if state.kind is Kind.TEXT:
                self._add_texts(state, arrays[state.wanted.name], rows, row_prints, chosen)
            elif state.kind is Kind.LIST:
                self._add_lists(state, arrays[state.wanted.name], rows, row_prints, chosen)
        for side, prints in row_prints.items():
            self._prints[side].append(mix(prints))
        self._rows.append(rows)
        self._done += len(rows)
        self._sampler.keep(places[chosen], self._cells())

    # ── kinds of columns ─────────────────────────────────────────────────────

    def _add_numbers(
        self,
        states: list[_State],
        arrays: Mapping[str, Any],
        rows: Rows,
        row_prints: Mapping[bool, npt.NDArray[np.uint64]],
        chosen: npt.NDArray[np.int64],
    ) -> None:
        values = np.empty((len(states), len(rows)))
        for place, state in enumerate(states):
            array = arrays[state.wanted.name]
            cells = numbers_in(array)
            values[place] = cells.numbers
            _note_missing(state, cells.missing, rows)
            if cells.unreadable.any():
                first = int(cells.unreadable.argmax())
                state.unreadable += int(cells.unreadable.sum())
                if state.first_unreadable is None:
                    value = _short(array[first].as_py())
                    state.first_unreadable = Cell(row=int(rows[first]), value=value)
            state.moments.add(cells.numbers[:, None], rows)
            self._sampler.put("numbers", state.wanted.name, cells.numbers[chosen])
        prints = prints_of(values)
        self._note_columns(states, prints)
        for place, state in enumerate(states):
            self._note_rows(state, prints[place], row_prints)

    def _add_texts(
        self,
        state: _State,
        array: Any,
        rows: Rows,
        row_prints: Mapping[bool, npt.NDArray[np.uint64]],
        chosen: npt.NDArray[np.int64],
    ) -> None:
        codes, prints = state.codes.add(array)
        _note_missing(state, codes == MISSING_CODE, rows)
        if state.wanted.classes:
            state.classes.append(codes.astype(np.int32))
        self._sampler.put("codes", state.wanted.name, codes[chosen])
        self._note_columns([state], prints[None])
        self._note_rows(state, prints, row_prints)

    def _add_lists(
        self,
        state: _State,
        array: Any,
        rows: Rows,
        row_prints: Mapping[bool, npt.NDArray[np.uint64]],
        chosen: npt.NDArray[np.int64],
    ) -> None:
        cells = lists_in(array)
        _note_missing(state, cells.missing, rows)
        state.moments.add(cells.numbers[:, None], np.repeat(rows, cells.lengths))
        width = cells.width
        if self._done == 0:
            state.width = width
        elif width != state.width:
            state.width = None
        _note_elements(state, cells)
        if state.width is not None:
            picked = cells.numbers.reshape(len(rows), -1)[chosen].astype(np.float32)
            self._sampler.put("lists", state.wanted.name, picked)
        else:
            self._sampler.drop("lists", state.wanted.name)
        prints = cells.prints()
        self._note_columns([state], prints[None])
        self._note_rows(state, prints, row_prints)

    def _note_columns(self, states: list[_State], prints: npt.NDArray[np.uint64]) -> None:
        sums = prints @ odd_multipliers(prints.shape[1], self._done)
        for state, value in zip(states, sums.tolist(), strict=True):
            state.print = (state.print + value) & _MASK

    def _note_rows(
        self,
        state: _State,
        prints: npt.NDArray[np.uint64],
        row_prints: Mapping[bool, npt.NDArray[np.uint64]],
    ) -> None:
        multiplier = self._multipliers[state.wanted.name]
        row_prints[state.wanted.target][:] += prints * multiplier

    def _cells(self) -> int:
        """The numbers of a row."""
        return sum(s.width or 1 for s in self._states.values())

    # ── what was found ───────────────────────────────────────────────────────

    @property
    def rows(self) -> Rows:
        return np.concatenate(self._rows) if self._rows else np.zeros(0, np.int64)

    def prints(self, *, targets: bool) -> npt.NDArray[np.uint64]:
        parts = self._prints[targets]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64)

    def codes(self, name: str) -> npt.NDArray[np.int64]:
        """The code of the class of every row."""
        return np.concatenate(self._states[name].classes).astype(np.int64)

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a column by their codes."""
        return self._states[name].codes.texts

    def sample(self) -> Sample:
        return self._sampler.finish()

    def columns(self, sample: Sample, number_of: Rows) -> tuple[Column, ...]:
        """`number_of` gives the number in the file of each row that was read."""
        states = (self._states[name] for name in self._wanted)
        return tuple(self._column(state, sample, number_of) for state in states)

    def _column(self, state: _State, sample: Sample, number_of: Rows) -> Column:
        wanted, first, unreadable = state.wanted, state.first_missing, state.first_unreadable
        if unreadable is not None:
            unreadable = replace(unreadable, row=int(number_of[unreadable.row - 1]))
        texts = sorted(state.codes.counts.items(), key=lambda item: -item[1])
        distinct: int | None
        if state.kind is Kind.TEXT:
            distinct = None if state.codes.full else len(texts)
        else:
            distinct = _distinct(state, sample, self._done)
        idle = 0
        if state.low is not None and state.high is not None and state.width is not None:
            idle = int((state.low == state.high).sum())
        return Column(
            name=wanted.name,
            owner=wanted.owner,
            target=wanted.target,
            kind=state.kind,
            rows=self._done,
            missing=state.missing,
            first_missing=None if first is None else int(number_of[first - 1]),
            unreadable=state.unreadable,
            first_unreadable=unreadable,
            distinct=distinct,
            spread=_spread(state, sample, number_of),
            texts=tuple((_short(text), count) for text, count in texts),
            by_code=tuple(_short(text) for text in state.codes.counts),
            width=state.width,
            idle=idle,
            print=state.print,
        )


def _kind(wanted: Wanted, type: Any) -> Kind:
    if is_list(type):
        return Kind.LIST if is_number(innermost(type)) else Kind.TEXT
    if wanted.images and not is_number(type):
        return Kind.TEXT
    if not wanted.texts:
        return Kind.NUMBER
    if wanted.target or is_text(type) or not is_number(type):
        return Kind.TEXT
    return Kind.NUMBER


def _note_missing(state: _State, missing: npt.NDArray[np.bool_], rows: Rows) -> None:
    count = int(missing.sum())
    state.missing += count
    if count and state.first_missing is None:
        state.first_missing = int(rows[int(missing.argmax())])


def _note_elements(state: _State, cells: ListCells) -> None:
    if state.width is None or not state.width:
        state.low = state.high = None
        return
    values = cells.numbers.reshape(-1, state.width)
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    state.low = low if state.low is None else np.fmin(state.low, low)
    state.high = high if state.high is None else np.fmax(state.high, high)


def _distinct(state: _State, sample: Sample, rows: int) -> int | None:
    """Counted where the sample is everything."""
    if state.kind is not Kind.NUMBER or len(sample) < rows:
        return None
    values = sample.numbers[state.wanted.name]
    return len(np.unique(values[~np.isnan(values)]))


def _spread(state: _State, sample: Sample, number_of: Rows) -> Spread | None:
    moments = state.moments
    if state.kind is Kind.TEXT or not moments.count[0]:
        return None
    name = state.wanted.name
    if state.kind is Kind.NUMBER:
        values = sample.numbers[name]
    else:
        values = sample.lists.get(name, np.zeros(0, np.float32)).reshape(-1).astype(np.float64)
    values = values[~np.isnan(values)]
    quartiles = np.quantile(values, (0.25, 0.5, 0.75)) if len(values) else np.full(3, np.nan)
    edges, bars = histogram(values)
    return Spread(
        low=float(moments.low[0]),
        high=float(moments.high[0]),
        low_row=int(number_of[moments.low_row[0] - 1]),
        high_row=int(number_of[moments.high_row[0] - 1]),
        mean=float(moments.mean[0]),
        std=float(moments.std[0]),
        quartiles=(float(quartiles[0]), float(quartiles[1]), float(quartiles[2])),
        edges=edges,
        bars=bars,
    )


def _short(value: object) -> str:
    text = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


class _Sampler:
    """Keeps the rows with the lowest scrambled numbers, as many as fit."""

    def __init__(self) -> None:
        self._places: list[npt.NDArray[np.int64]] = []
        self._values: dict[tuple[str, str], list[npt.NDArray[Any]]] = {}
        self._dropped: set[tuple[str, str]] = set()
        self._limit: np.uint64 | None = None
        self._held = 0

    def choose(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which of the next rows may belong to the sample, by their place in the chunk."""
        if self._limit is None:
            return np.arange(len(places))
        return np.flatnonzero(_ranks(places) < self._limit)

    def put(self, kind: str, name: str, values: npt.NDArray[Any]) -> None:
        if (kind, name) not in self._dropped:
            self._values.setdefault((kind, name), []).append(values)

    def drop(self, kind: str, name: str) -> None:
        self._dropped.add((kind, name))
        self._values.pop((kind, name), None)

    def keep(self, places: npt.NDArray[np.int64], cells: int) -> None:
        self._places.append(places)
        self._held += len(places)
        most = max(_LEAST_SAMPLED, min(_MOST_SAMPLED, _SAMPLE_CELLS // max(cells, 1)))
        if self._held > 2 * most:
            self._shrink(most)
        self._most = most

    def _shrink(self, most: int) -> None:
        places = np.concatenate(self._places)
        if len(places) > most:
            ranks = _ranks(places)
            self._limit = np.partition(ranks, most)[most]
            chosen = np.flatnonzero(ranks < self._limit)
        else:
            chosen = np.arange(len(places))
        self._places = [places[chosen]]
        self._held = len(chosen)
        for key, parts in self._values.items():
            self._values[key] = [np.concatenate(parts)[chosen]]

    def finish(self) -> Sample:
        if self._places:
            self._shrink(self._most)
        found: dict[str, dict[str, Any]] = {"numbers": {}, "codes": {}, "lists": {}}
        for (kind, name), parts in self._values.items():
            found[kind][name] = parts[0]
        places = self._places[0] if self._places else np.zeros(0, np.int64)
        return Sample(
            places=places, numbers=found["numbers"], codes=found["codes"], lists=found["lists"]
        )


def _ranks(places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    return mix(places.astype(np.uint64) + np.uint64(1))
