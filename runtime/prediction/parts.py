"""The parts of an answer file that is being written, in a folder beside it.

    answers.csv.parts/
        record.json     what is answered: hashes of the model and of the data, the choices made
        parts.jsonl     a line for each part: its file, rows, size and SHA-256
        0-1.csv         the answers for some rows of the first table, from its row 1
        lock            held by the process that writes

A part is on the drive before its line is, and a line that is torn is cut off: what the lines
tell of is whole. When all rows are answered the parts are joined, and the folder goes away.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from dlc.runtime.failures import IN_USE, USAGE, failure, io_failure, shown
from dlc.runtime.prediction.encoding import Format
from dlc.runtime.prediction.ranges import Ranges
from dlc.runtime.training.locking import take_soon
from dlc.runtime.training.storage import (
    DISK,
    UNFINISHED,
    Disk,
    clean,
    discard,
    replace_file,
    sync_folder,
)

RECORD, LINES, LOCK = "record.json", "parts.jsonl", "lock"
_FORMAT = 1
# What a request may say otherwise when it goes on, with what is told of it.
_WORDS = {
    "model": "another model",
    "data": "other data",
    "what": "other answers",
    "keep": "other columns to keep",
    "split": "another part of the data",
    "limit": "another limit",
    "numbers": "other columns",
    "batch": "another batch size",
    "provider": "another provider",
    "onnxruntime": "another version of onnxruntime",
    "suffix": "another format",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Answers for the rows `first` to `last` of the table `file`, of which `rows` have one.
    `final` says that no row of the table follows. A part without rows has no `name`."""

    file: int
    first: int
    last: int
    rows: int
    final: bool = False
    name: str = ""
    bytes: int = 0
    sha256: str = ""
    skipped: int = 0
    schema: str = ""


class PartFolder:
    """Opened by `open_parts`, and locked until `close`."""

    def __init__(self, out: Path, format: Format, disk: Disk = DISK) -> None:
        self.out = out
        self.path = folder_of(out)
        self.format = format
        self.disk = disk
        self.parts: list[Part] = []
        self.request: Mapping[str, Any] = {}
        self._lock: IO[bytes] | None = None
        self._done: dict[int, Ranges] = {}

    def done(self, file: int) -> Ranges:
        """The rows of a table that are answered."""
        return self._done.setdefault(file, Ranges())

    def end(self, file: int) -> int | None:
        """How many rows a table has, once its last is answered; all are answered then."""
        ends = [part.last for part in self.parts if part.file == file and part.final]
        return ends[0] if ends and self.done(file).prefix >= ends[0] else None

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def skipped(self) -> int:
        return sum(part.skipped for part in self.parts)

    def add(self, part: Part, table: pa.Table | None) -> None:
        """Keeps a part: its file first, then its line. Raises `Failure` E0611."""
        self.add_encoded(
            part,
            self.format.encode(table) if table is not None else b"",
            table.schema if table is not None else None,
        )

    def add_encoded(self, part: Part, content: bytes, schema: pa.Schema | None) -> None:
        if schema is not None:
            name = f"{part.file}-{part.first}{self.format.suffix}"
            digest = replace_file(self.path / name, content, self.disk)
            part = replace(
                part, name=name, bytes=len(content), sha256=digest, schema=self._keep(schema)
            )
        line = (json.dumps(asdict(part)) + "\n").encode()
        try:
            with (self.path / LINES).open("ab") as file:
                file.write(line)
                file.flush()
                self.disk.sync(file.fileno())
        except OSError as error:
            raise io_failure("cannot write", self.path / LINES, error) from None
        self._take(part)

    def join(self) -> str:
        """Writes the answers in order and removes the folder; gives the SHA-256 of the file.
        Raises `Failure` E0942 for a part that is not what its line says, and forgets it."""
        ordered = sorted((p for p in self.parts if p.name), key=lambda p: (p.file, p.first))
        temporary = self.out.with_name(f"{UNFINISHED}{self.out.name}")
        try:
            schemas = [self._schema(name) for name in dict.fromkeys(p.schema for p in ordered)]
            with temporary.open("wb") as file:
                self.format.join(self._contents(ordered), schemas, file)
                file.flush()
                self.disk.sync(file.fileno())
            with temporary.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.disk.rename(temporary, self.out)
            sync_folder(self.out.parent, self.disk)
        except OSError as error:
            raise io_failure("cannot write", self.out, error) from None
        finally:
            self.disk.remove(temporary)
        return digest

    def remove(self) -> None:
        """Removes the folder, all of it or nothing."""
        discard(self.path, self.disk)

    def close(self) -> None:
        """Gives the lock back; a folder without a part goes away."""
        if self._lock is not None:
            if not self.parts and self.path.exists():
                self.remove()
            self._lock.close()
            self._lock = None

    def __enter__(self) -> PartFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, schema: pa.Schema) -> str:
        """Writes a schema that no part had before; gives its name."""
        content = schema.serialize().to_pybytes()
        name = f"schema-{hashlib.sha256(content).hexdigest()[:16]}.arrow"
        if not (self.path / name).exists():
            replace_file(self.path / name, content, self.disk)
        return name

    def _schema(self, name: str) -> pa.Schema:
        try:
            return pa.ipc.read_schema(pa.py_buffer((self.path / name).read_bytes()))
        except (pa.ArrowException, FileNotFoundError):
            raise self._unusable() from None

    def _contents(self, parts: Sequence[Part]) -> Iterator[bytes]:
        for part in parts:
            content = b""
            with suppress(FileNotFoundError):
                content = (self.path / part.name).read_bytes()
            if hashlib.sha256(content).hexdigest() != part.sha256:
                self._forget(part)
                raise failure(
                    "E0942",
                    f"`{shown(self.path / part.name)}` is damaged: it is not what was written",
                    help="the same command with `--resume` answers for its rows again",
                )
            yield content

    def _take(self, part: Part) -> None:
        self.parts.append(part)
        self.done(part.file).add(part.first, part.last)

    def _forget(self, part: Part) -> None:
        kept = [each for each in self.parts if each is not part]
        lines = "".join(json.dumps(asdict(each)) + "\n" for each in kept)
        replace_file(self.path / LINES, lines.encode(), self.disk)

    # ── opening ──────────────────────────────────────────────────────────────

    def _begin(self, request: Mapping[str, Any]) -> None:
        record = {"format": _FORMAT, **request}
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        replace_file(self.path / RECORD, text.encode(), self.disk)

    def _take_lock(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / LOCK).open("ab")
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from None
        if not take_soon(file):
            file.close()
            raise failure(
                "E0607",
                f"another process is writing to `{shown(self.path)}`",
                help="wait for it, or give `-o` another name",
                exit_code=IN_USE,
            )
        self._lock = file

    def _read(self) -> Mapping[str, Any] | None:
        """The request of the folder, with its parts taken; None where nothing is kept."""
        clean(self.path, self.disk)
        try:
            record = json.loads((self.path / RECORD).read_bytes())
            if not isinstance(record, dict) or record.pop("format") != _FORMAT:
                raise ValueError
        except FileNotFoundError:
            return None
        except (ValueError, KeyError):
            raise self._unusable() from None
        except OSError as error:
            raise io_failure("cannot read", self.path / RECORD, error) from None
        for part in self._lines():
            self._take(part)
        return record if self.parts else None

    def _lines(self) -> list[Part]:
        """The parts that the lines tell of. A torn last line is cut off, and a part whose file
        is not of its size is left to be made again."""
        path = self.path / LINES
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise io_failure("cannot read", path, error) from None
        whole = content[: content.rfind(b"\n") + 1]
        try:
            parts = [Part(**json.loads(line)) for line in whole.splitlines()]
        except (ValueError, TypeError):
            raise self._unusable() from None
        kept = [part for part in parts if not part.name or self._has(part)]
        if len(kept) < len(parts) or len(whole) < len(content):
            lines = "".join(json.dumps(asdict(part)) + "\n" for part in kept)
            replace_file(path, lines.encode(), self.disk)
        return kept

    def _has(self, part: Part) -> bool:
        try:
            return os.path.getsize(self.path / os.path.basename(part.name)) == part.bytes
        except OSError:
            return False

    def _unusable(self) -> Exception:
        return failure(
            "E0942",
            f"`{shown(self.path)}` is damaged: its record cannot be read",
            help="remove the folder to begin again",
        )


def folder_of(out: Path) -> Path:
    """Where the parts of a file are."""
    return out.with_name(f"{out.name}.parts")


def open_parts(
    out: Path,
    format: Format,
    request: Mapping[str, Any],
    *,
    resume: bool,
    disk: Disk = DISK,
) -> PartFolder:
    """The folder for a request, locked: one that goes on from what is kept where `resume` is
    set. Raises `Failure`: E0940 where parts are kept and it is not set, E0941 where they answer
    another request, E0607 where another process has the folder, E0942, E0611."""
    folder = PartFolder(out, format, disk)
    folder._take_lock()
    try:
        kept = folder._read()
        if kept is None:
            folder.parts.clear()
            folder._begin(request)
        elif not resume:
            raise failure(
                "E0940",
                f"`{shown(folder.path)}` keeps the answers for {folder.rows:,} rows, of a run "
                "that came to no end",
                help="add `--resume` to go on with it, or remove the folder to begin again",
                exit_code=USAGE,
            )
        else:
            _refuse_other(folder, kept, request)
    except BaseException:
        if folder._lock is not None:
            folder._lock.close()
            folder._lock = None
        raise
    folder.request = request
    return folder


def _refuse_other(folder: PartFolder, kept: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    other = [key for key in request if kept.get(key) != request[key]]
    if other:
        said = " and ".join(dict.fromkeys(_WORDS.get(key, key) for key in other[:3]))
        raise failure(
            "E0941",
            f"the answers in `{shown(folder.path)}` are of {said}",
            notes=tuple(
                f"`{key}` was {kept.get(key)!r} and is {request[key]!r}"
                for key in other[:3]
                if key not in ("model", "data")
            ),
            help="repeat the command that began it, or remove the folder to begin again",
            exit_code=USAGE,
        )
