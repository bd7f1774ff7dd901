"""JSON lines: an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.runtime.data.formats.base import Skipped, Table, bad_value, regular, short
from dlc.runtime.data.formats.compression import open_expanded
from dlc.runtime.failures import Failure

# A line larger than this is damage, not data.
_MOST_BYTES = 64 << 20
_MIXED = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)


class JsonLinesTable(Table):
    """An object a line. The keys of the first line are the columns."""

    format = "json_lines"

    def __init__(self, path: Path) -> None:
        super().__init__(regular(path))

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        def refuse(word: str) -> Any:
            raise ValueError(f"`{word}` is not a JSON number")

        row = 0
        with open_expanded(self.path) as file:
            while line := file.readline(_MOST_BYTES + 1):
                if len(line) > _MOST_BYTES:
                    raise self.bad("a line of more than 64 MiB", row=row + 1)
                if not line.strip():
                    continue
                row += 1
                try:
                    value = json.loads(line.decode("utf-8"), parse_constant=refuse)
                except UnicodeDecodeError:
                    self.bad_row("the text is not UTF-8", row)
                except RecursionError:
                    self.bad_row("lists nested too deep", row)
                except ValueError as error:
                    self.bad_row(f"not JSON: {error}", row)
                else:
                    if isinstance(value, dict):
                        yield row, value
                    else:
                        self.bad_row("a line that is no JSON object", row)

    def _names(self) -> tuple[str, ...]:
        for _, value in self._lines():
            return tuple(value)
        raise self.bad("the file is empty", help="each line is one JSON object")

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        held: list[dict[str, Any]] = []
        numbers: list[int] = []
        for row, value in self._lines():
            held.append(value)
            numbers.append(row)
            if len(held) == rows:
                yield self._table(columns, held, numbers)
                held, numbers = [], []
        if held:
            yield self._table(columns, held, numbers)

    def _table(
        self, columns: list[str], values: list[dict[str, Any]], numbers: list[int]
    ) -> pa.Table:
        for name in columns:
            column = [value.get(name) for value in values]
            try:
                pa.array(column)
            except _MIXED:
                values, numbers = self._without_mixed(name, column, values, numbers)
        return pa.table({name: pa.array([v.get(name) for v in values]) for name in columns})

    def _without_mixed(
        self,
        name: str,
        column: list[Any],
        values: list[dict[str, Any]],
        numbers: list[int],
    ) -> tuple[list[dict[str, Any]], list[int]]:
        """The rows whose value is of the kind of the first; raises where all must be."""
        kept: list[int] = []
        first: list[Any] = []
        for index, value in enumerate(column):
            try:
                pa.array([*first, value])
            except _MIXED:
                kind = "is of another kind than the rows above" if first else "is out of range"
                reason = f"{short(value)} {kind}"
                if not self.skip:
                    raise self._mixed(name, numbers[index], reason) from None
                self.skipped.append(Skipped(row=numbers[index], column=name, reason=reason))
                continue
            kept.append(index)
            if not first and value is not None:
                first = [value]
        return [values[index] for index in kept], [numbers[index] for index in kept]

    def _mixed(self, name: str, row: int, reason: str) -> Failure:
        return bad_value(self.origin, row, name, reason)
