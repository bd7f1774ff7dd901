"""What the columns of a file are, from one pass over all rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa

from dlc.runtime.data.audit.cells import (
    MOST_TEXTS,
    TextCodes,
    flat_array,
    innermost,
    is_list,
    is_number,
    lists_in,
    numbers_in,
)
from dlc.runtime.data.audit.profile import Moments
from dlc.runtime.data.tables import Table

#: Words that stand for a missing value in a column of numbers.
MARKERS = frozenset(
    {"na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "missing", "unknown", "#n/a"}
)
_MOST_NUMBERS = 1_000
_CHUNK_CELLS = 4 << 20
# Words are counted in so many texts of a column.
_MOST_COUNTED = 2_000


class Content(Enum):
    NUMBERS = "numbers"
    TEXTS = "texts"
    LISTS = "lists"
    OTHER = "other"


@dataclass(kw_only=True)
class Survey:
    """One column. `unreadable` are the values of a column of numbers that are none, with
    their counts; `values` the different numbers, None where they are more than a thousand;
    `texts` the different texts with their counts, None where they are too many; `words` the
    words of a text on average, `longest` and `vocabulary` the most in one and how many
    different ones there are, all of the first texts; `width` the numbers of a list,
    None where rows differ."""

    name: str
    content: Content
    rows: int = 0
    missing: int = 0
    readable: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    whole: bool = True
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    std: float = 0.0
    values: dict[float, int] | None = field(default_factory=dict)
    texts: dict[str, int] | None = field(default_factory=dict)
    words: float = 0.0
    longest: int = 0
    vocabulary: int = 0
    width: int | None = None
    rising: bool = True

    @property
    def present(self) -> int:
        return self.rows - self.missing

    @property
    def distinct(self) -> int | None:
        held = self.values if self.content is Content.NUMBERS else self.texts
        return None if held is None else len(held)

    @property
    def markers(self) -> tuple[str, ...]:
        """The unreadable values, where all of them are words for a missing one."""
        words = tuple(self.unreadable)
        return words if all(word.strip().lower() in MARKERS for word in words) else ()


def survey(table: Table) -> dict[str, Survey]:
    """All columns of a table, by name. Raises what reading raises."""
    scans = {name: _Scan(name) for name in table.names}
    rows = max(256, min(65_536, _CHUNK_CELLS // max(len(scans), 1)))
    for chunk in table.chunks(list(scans), rows):
        for name, scan in scans.items():
            scan.add(flat_array(chunk.column(name)))
    return {name: scan.finish() for name, scan in scans.items()}


class _Scan:
    """A column in the making. It counts as numbers until half of what it holds is none."""

    def __init__(self, name: str) -> None:
        self.found = Survey(name=name, content=Content.NUMBERS)
        self.moments = Moments(1)
        self.codes = TextCodes()
        self.lists = False
        self.other = False
        self.last = -np.inf
        self.counted = 0
        self.words: set[str] = set()

    def add(self, array: Any) -> None:
        if pa.types.is_null(array.type):
            self.found.rows += len(array)
            self.found.missing += len(array)
        elif is_list(array.type):
            self._add_lists(array)
        elif pa.types.is_binary(array.type) or pa.types.is_struct(array.type):
            self.other = True
            self._count(array)
        else:
            self._add_values(array)

    def _count(self, array: Any) -> None:
        self.found.rows += len(array)
        self.found.missing += array.null_count

    def _add_lists(self, array: Any) -> None:
        self._count(array)
        if not is_number(innermost(array.type)):
            self.other = True
            return
        cells = lists_in(array)
        width = cells.width
        self.found.width = width if not self.lists or width == self.found.width else None
        self.lists = True
        self._note_numbers(cells.numbers)

    def _add_values(self, array: Any) -> None:
        cells = numbers_in(array)
        found = self.found
        found.rows += len(array)
        found.missing += int(cells.missing.sum())
        self._note_numbers(cells.numbers)
        known = cells.numbers[~np.isnan(cells.numbers)]
        found.readable += len(known)
        if found.rising and len(known):
            found.rising = bool(self.last < known[0] and (np.diff(known) > 0).all())
            self.last = float(known[-1])
        if found.values is not None:
            values, counts = np.unique(known, return_counts=True)
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):
                found.values[value] = found.values.get(value, 0) + count
            if len(found.values) > _MOST_NUMBERS:
                found.values = None
        if cells.unreadable.any():
            self._add_texts(array.filter(pa.array(cells.unreadable)))

    def _add_texts(self, array: Any) -> None:
        self.codes.add(array)
        left = _MOST_COUNTED - self.counted
        if left > 0:
            for value in array.slice(0, left).to_pylist():
                words = str(value).lower().split()
                self.words.update(words)
                self.found.words += len(words)
                self.found.longest = max(self.found.longest, len(words))
                self.counted += 1

    def _note_numbers(self, numbers: Any) -> None:
        self.moments.add(numbers[:, None], np.zeros(len(numbers), np.int64))
        known = numbers[~np.isnan(numbers)]
        self.found.whole = self.found.whole and bool((known == np.floor(known)).all())

    def finish(self) -> Survey:
        found, moments = self.found, self.moments
        if moments.count[0]:
            found.low, found.high = float(moments.low[0]), float(moments.high[0])
            found.mean, found.std = float(moments.mean[0]), float(moments.std[0])
        found.words /= max(self.counted, 1)
        found.vocabulary = len(self.words)
        texts = {str(text): count for text, count in self.codes.counts.items()}
        unreadable = found.present - found.readable
        if self.other:
            found.content = Content.OTHER
        elif self.lists:
            found.content = Content.LISTS
        elif 2 * unreadable > found.present:
            found.content = Content.TEXTS
            # What reads as a number is a text like others there.
            for value, count in (found.values or {}).items():
                texts[f"{value:g}"] = texts.get(f"{value:g}", 0) + count
            over = self.codes.full or found.values is None
            found.texts = None if over else texts
        else:
            found.unreadable = texts if len(texts) < MOST_TEXTS else {"": unreadable}
        return found
