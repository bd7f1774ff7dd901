"""Plain text, a sample a line; and texts whose lines belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pyarrow as pa

from dlc.runtime.data.formats.base import Table, bad_file, regular
from dlc.runtime.data.formats.compression import open_expanded

_MOST_BYTES = 64 << 20
LINE = "line"


class TextLinesTable(Table):
    """Lines of texts that belong together, a column a text; of one text the column `line`.
    Empty lines are samples too, so that texts stay in step."""

    format = "text_lines"
    text = True

    def __init__(self, path: Path, texts: Mapping[str, Path] | None = None) -> None:
        self._texts = {LINE: path} if texts is None else dict(texts)
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
                    short_, long_ = ended[0], next(n for n, line in lines.items() if line)
                    raise bad_file(
                        self._texts[short_],
                        f"it ends after {row:,} lines, `{self._texts[long_].name}` does not",
                        help="give each line its counterpart, an empty line where there is none",
                    )
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

    def _decoded(self, lines: dict[str, bytes], row: int) -> dict[str, str] | None:
        texts = {}
        for name, line in lines.items():
            try:
                texts[name] = line.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                message = "the text is not UTF-8"
                if not self.skip:
                    raise bad_file(
                        self._texts[name], message, row=row, help="save the file as UTF-8"
                    ) from None
                self.bad_row(message, row)
                return None
        if row == 1:
            texts = {name: text.removeprefix("\ufeff") for name, text in texts.items()}
        return texts


def _line(file: IO[bytes], path: Path, row: int) -> bytes:
    line = file.readline(_MOST_BYTES + 1)
    if len(line) > _MOST_BYTES:
        raise bad_file(path, "a line of more than 64 MiB", row=row + 1)
    return line
