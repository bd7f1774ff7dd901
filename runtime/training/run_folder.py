"""The folder of a run: what is in it, who may write to it.

spec.yaml | spec.dlc   as given
resolved.yaml          every default written out, `--set` applied
model.py               the generated module; to be read, never executed from here
run.json               what the run was started with; written last, so it marks a run
preprocess/            fitted statistics and class names
metrics.jsonl          one object a validation
monitors.jsonl         one object a sample of the network's inside
spikes.json            batches with a loss far above those before
checkpoints/           step-00001234/ each, see `checkpoint.py`
summary.json           how it ended
members/               runs of folds or of an ensemble, of the same shape, instead of those three
specs/                 the resolved spec of each member of an ensemble
lock                   held by the process that writes
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dlc.runtime.data.preprocessing import (
    DESCRIPTION,
    STATISTICS,
    TOKENIZER_FILE,
    Preprocessing,
    read_preprocessing,
)
from dlc.runtime.failures import IN_USE, Failure, failure, io_failure, shown
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.locking import take, take_soon
from dlc.runtime.training.records import Records
from dlc.runtime.training.storage import DISK, UNFINISHED, Disk, clean, replace_file

RUN = "run.json"
RESOLVED = "resolved.yaml"
MODULE = "model.py"
METRICS = "metrics.jsonl"
MONITORS = "monitors.jsonl"
SPIKES = "spikes.json"
SUMMARY = "summary.json"
PREPROCESS = "preprocess"
CHECKPOINTS = "checkpoints"
LOCK = "lock"
MEMBERS = "members"
SPECS = "specs"
_FORMAT = 1
_OURS = {
    *(RUN, RESOLVED, MODULE, METRICS, MONITORS, SPIKES, SUMMARY, PREPROCESS, CHECKPOINTS, LOCK),
    *(MEMBERS, SPECS),
    *("spec.yaml", "spec.yml", "spec.dlc"),
}


@dataclass(kw_only=True)
class RunFolder:
    """A run folder. `record` is the content of `run.json`; a folder that is open for
    writing holds the lock until `close`. One that does not `write` takes what is to be
    written and leaves it: another process has the lock and does it."""

    path: Path
    record: dict[str, Any] = field(default_factory=dict)
    disk: Disk = DISK
    writes: bool = True
    _lock: IO[bytes] | None = None

    # ── what is in it ────────────────────────────────────────────────────────

    @property
    def checkpoints(self) -> CheckpointStore:
        return CheckpointStore(self.path / CHECKPOINTS, self.disk, writes=self.writes)

    def records(self, name: str = METRICS) -> Records:
        return Records(self.path / name, self.disk, writes=self.writes)

    @property
    def metrics(self) -> Path:
        return self.path / METRICS

    @property
    def root(self) -> Path:
        """The folder that relative paths of the spec start from."""
        return Path(os.path.normpath(self.path.resolve() / self.record["root"]))

    def resolved(self) -> str:
        """The text of the fully resolved spec, as it was written. Raises `Failure`."""
        return self._text(RESOLVED)

    def member_spec(self, member: int) -> str:
        """The text of the resolved spec of one member of an ensemble."""
        return self._text(f"{SPECS}/{member}.yaml")

    def spec(self) -> str:
        """The text of the spec as it was given."""
        return self._text(self.record["spec"])

    def module(self) -> str:
        """The text of `model.py`, to be compared with what the resolved spec gives."""
        return self._text(MODULE)

    def preprocessing(self) -> Preprocessing:
        """Fitted statistics and class names. Raises `Failure`."""
        known = self.record.get("files", {})
        begin = f"{PREPROCESS}/"
        tokenizers = [n.removeprefix(begin) for n in known if n.endswith(TOKENIZER_FILE)]
        names = (DESCRIPTION, STATISTICS, *tokenizers)
        return read_preprocessing(
            self.path / PREPROCESS, {name: self._content(f"{PREPROCESS}/{name}") for name in names}
        )

    def summary(self) -> dict[str, Any] | None:
        """How the run ended; None while it has not."""
        try:
            found: dict[str, Any] = json.loads((self.path / SUMMARY).read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def _text(self, name: str) -> str:
        return self._content(name).decode("utf-8")

    def _content(self, name: str) -> bytes:
        try:
            content = (self.path / name).read_bytes()
        except OSError as error:
            raise io_failure("cannot read", self.path / name, error) from error
        expected = self.record.get("files", {}).get(name)
        if expected is not None and hashlib.sha256(content).hexdigest() != expected:
            raise failure(
                "E0613",
                f"`{shown(self.path / name)}` is not as the run wrote it",
                help="take the file from a backup, or train again into another folder",
            )
        return content

    # ── writing ──────────────────────────────────────────────────────────────

    def commit(self, files: Mapping[str, bytes], record: Mapping[str, Any]) -> None:
        """Writes what a new run consists of, `run.json` last. Raises `Failure` E0611."""
        digests = {}
        if not self.writes:
            files = {}
        for name, content in files.items():
            place = self.path / name
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise io_failure("cannot write", place, error) from error
            digests[name] = replace_file(place, content, self.disk)
        self.record = {"format": _FORMAT, **record, "files": digests}
        self.write_json(RUN, self.record)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if self.writes:
            replace_file(self.path / name, text.encode(), self.disk)

    def lock(self) -> None:
        """Takes the lock, or raises `Failure` E0607 with exit code 75."""
        try:
            file = (self.path / LOCK).open("ab")
        except OSError as error:
            raise io_failure("cannot write", self.path / LOCK, error) from error
        # A folder that was given up takes its lock with it: a lock without a name is none.
        if not take_soon(file) or not _is_at(file, self.path / LOCK):
            holder = _holder(self.path / LOCK)
            file.close()
            raise failure(
                "E0607",
                f"another process{holder} is writing to `{shown(self.path)}`",
                help="wait for it, or give another folder with `--run`",
                exit_code=IN_USE,
            )
        with suppress(OSError):
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
            file.flush()
        self._lock = file
        clean(self.path, self.disk)
        clean(self.path / PREPROCESS, self.disk)
        self.checkpoints.clean()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def open_run(path: Path, *, disk: Disk = DISK) -> RunFolder:
    """A run folder for reading. Raises `Failure` E0610 for a folder that is none."""
    try:
        record = json.loads((path / RUN).read_bytes())
        if record["format"] != _FORMAT:
            raise ValueError("it was written by a later version")
        missing = {"root", "files", "spec"} - set(record)
        if missing:
            raise ValueError(f"`{sorted(missing)[0]}` is missing")
    except (FileNotFoundError, NotADirectoryError):
        raise failure(
            "E0610",
            f"`{shown(path)}` is no run folder",
            help="`dlc train SPEC --run DIR` makes one",
            exit_code=2,
        ) from None
    except OSError as error:
        raise io_failure("cannot read", path / RUN, error) from None
    except (ValueError, KeyError, TypeError) as error:
        raise failure(
            "E0610",
            f"`{shown(path / RUN)}` cannot be used: {error}",
            help="take the file from a backup, or train again",
        ) from None
    return RunFolder(path=path, record=record, disk=disk)


def is_locked(path: Path) -> bool:
    """Whether a process is writing to a run folder."""
    try:
        file = (path / LOCK).open("rb")
    except OSError:
        return False
    with file:
        return not take(file)


def resume_run(path: Path, *, disk: Disk = DISK) -> RunFolder:
    """A run folder for going on, locked. Raises `Failure` E0607, E0610, E0611."""
    folder = open_run(path, disk=disk)
    folder.lock()
    return folder


def witness_run(path: Path) -> RunFolder:
    """The run folder that another process has locked. Raises `Failure` E0610."""
    folder = open_run(path)
    folder.writes = False
    return folder


def create_run(path: Path, *, disk: Disk = DISK) -> RunFolder:
    """A new run folder, locked and empty until `commit`. Raises `Failure` E0607 with exit
    code 2 for a used folder, 75 for one that is locked."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = {entry.name for entry in path.iterdir()} - _OURS
    except FileExistsError:
        raise _used(path, "is a file") from None
    except OSError as error:
        raise io_failure("cannot make", path, error) from error
    others = {name for name in others if not name.startswith(UNFINISHED)}
    if others:
        raise _used(path, f"is in use: it holds `{sorted(others)[0]}`")
    folder = RunFolder(path=path, disk=disk)
    folder.lock()
    # Without run.json a folder is what is left of a run that never began.
    if (path / RUN).exists():
        folder.close()
        raise _used(path, "holds a run", resume=True)
    return folder


def abandon(folder: RunFolder) -> None:
    """Removes a new folder again if nothing was put into it."""
    if not folder.writes:
        return
    with suppress(OSError):
        if {entry.name for entry in folder.path.iterdir()} == {LOCK}:
            (folder.path / LOCK).unlink()
            folder.path.rmdir()
    folder.close()


def _used(path: Path, reason: str, *, resume: bool = False) -> Failure:
    help = "give another folder with `--run`"
    if resume:
        help = f"go on with `dlc train --resume {shown(path)}`, or {help}"
    return failure("E0607", f"`{shown(path)}` {reason}", help=help)


def _holder(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({text})" if text.isdecimal() else ""


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False
