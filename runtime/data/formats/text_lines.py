"""Plain text, a sample a line; and texts whose lines belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pyarrow as pa

from dlc.runtime.data.formats.base import Stored, Table, bad_file, regular
from dlc.runtime.data.formats.compression import codec_of, open_expanded
from dlc.runtime.data.formats.line_marks import MOST_BYTES, STEP, LineMarks, too_long
from dlc.runtime.failures import Failure

LINE = "line"
NO_TEXT = "the text is not UTF-8"
# A block is read at once.
_BLOCK_LINES = 1 << 14
_BLOCK_BYTES = 16 << 20


class TextLinesTable(Table):
    """Lines of texts that belong together, a column a text; of one text the column `line`.
    Empty lines are samples too, so that texts stay in step."""

    format = "text_lines"
    text = True

    def __init__(self, path: Path, texts: Mapping[str, Path] | None = None) -> None:
        self._texts = {LINE: path} if texts is None else dict(texts)
        self._marks: dict[str, LineMarks] = {}
        self._blocks: list[tuple[int, int]] = []
        for file in self._texts.values():
            regular(file)
        super().__init__(path)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self._texts.values())

    def _names(self) -> tuple[str, ...]:
        for path in self._texts.values():
            with open_expanded(path) as file:
                if not file.read(1):
                    raise bad_file(path, "the file is empty", help="each line is one sample")
        return tuple(self._texts)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(open_expanded(path)) for name, path in self._texts.items()
            }
            row = 0
            held: dict[str, list[str]] = {name: [] for name in columns}
            while True:
                lines = {name: _line(file, self._texts[name], row) for name, file in files.items()}
                ended = [name for name, line in lines.items() if not line]
                if len(ended) == len(lines):
                    break
                if ended:
                    longer = next(name for name, line in lines.items() if line)
                    raise self._unlike(ended[0], longer, row)
                row += 1
                texts = self._decoded(lines, row)
                if texts is None:
                    continue
                for name in columns:
                    held[name].append(texts[name])
                if len(next(iter(held.values()), ())) == rows:
                    yield pa.table({n: pa.array(v, pa.string()) for n, v in held.items()})
                    held = {name: [] for name in columns}
            if any(held.values()):
                yield pa.table({n: pa.array(v, pa.string()) for n, v in held.items()})

    def _unlike(self, shorter: str, longer: str, rows: int) -> Failure:
        return bad_file(
            self._texts[shorter],
            f"it ends after {rows:,} lines, `{self._texts[longer].name}` does not",
            help="give each line its counterpart, an empty line where there is none",
        )

    def stored(self) -> Stored | None:
        """None for compressed files, which are read from their start, and where a line is left
        out that is no text."""
        if any(codec_of(path) for path in self._texts.values()):
            return None
        if not self._marks:
            with self._reading():
                self._marks = {name: LineMarks.of(path) for name, path in self._texts.items()}
        counts = {name: found.lines for name, found in self._marks.items()}
        shorter, longer = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        lines = counts[shorter]
        if lines != counts[longer]:
            raise self._unlike(shorter, longer, lines)
        of_step = max(found.size for found in self._marks.values()) * STEP // max(lines, 1)
        size = STEP * max(1, min(_BLOCK_LINES // STEP, _BLOCK_BYTES // max(of_step, 1)))
        self._blocks = [(at, min(size, lines - at)) for at in range(0, lines, size)]
        if self.skip and any(
            self._lines(name, *block) is None for name in self._texts for block in self._blocks
        ):
            return None
        schema = pa.schema([(name, pa.string()) for name in self._texts])
        return Stored(tuple(count for _, count in self._blocks), schema)

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        first, count = self._blocks[index]
        found = {}
        for name in columns:
            lines = self._lines(name, first, count)
            if lines is None:
                raise self._not_text(name, first, count)
            found[name] = pa.array(lines, pa.string())
        return pa.table(found)

    def _lines(self, name: str, first: int, count: int) -> list[str] | None:
        """The lines of a block; None where one is not UTF-8."""
        try:
            text = self._marks[name].read(first, count).decode("utf-8")
        except UnicodeDecodeError:
            return None
        lines = text.removesuffix("\n").split("\n")
        if first == 0:
            lines[0] = lines[0].removeprefix("\ufeff")
        return [line.removesuffix("\r") for line in lines]

    def _not_text(self, name: str, first: int, count: int) -> Failure:
        row = first
        for line in self._marks[name].read(first, count).split(b"\n"):
            row += 1
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                break
        return bad_file(self._texts[name], NO_TEXT, row=row, help="save the file as UTF-8")

    def _decoded(self, lines: dict[str, bytes], row: int) -> dict[str, str] | None:
        texts = {}
        for name, line in lines.items():
            try:
                texts[name] = line.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                if not self.skip:
                    raise bad_file(
                        self._texts[name], NO_TEXT, row=row, help="save the file as UTF-8"
                    ) from None
                self.bad_row(NO_TEXT, row)
                return None
        if row == 1:
            texts = {name: text.removeprefix("\ufeff") for name, text in texts.items()}
        return texts


def _line(file: IO[bytes], path: Path, row: int) -> bytes:
    line = file.readline(MOST_BYTES + 1)
    if len(line) > MOST_BYTES:
        raise too_long(path, row + 1)
    return line
