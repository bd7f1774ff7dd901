"""Files of records, one a line: of a validation, or of a sample of the network's inside; none
is there twice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlc.runtime.failures import io_failure
from dlc.runtime.training.storage import DISK, Disk, append_file, cut_file


class Records:
    """The records of a run. `size` is how many bytes of the file belong to what was done:
    what is behind them was written by steps that a resumed run does again."""

    def __init__(self, path: Path, disk: Disk = DISK, *, writes: bool = True) -> None:
        self.path = path
        self.disk = disk
        self.writes = writes
        self.size = 0

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds a record and syncs it. Raises `Failure` E0611, and leaves no part of it then."""
        line = (json.dumps(_plain(record)) + "\n").encode()
        if self.writes:
            try:
                append_file(self.path, line, self.disk)
            except OSError as error:
                # Where this fails as well, whoever goes on with the run does it.
                with suppress(OSError):
                    cut_file(self.path, self.size, self.disk)
                raise io_failure("cannot write", self.path, error) from error
        self.size += len(line)

    def cut(self) -> None:
        """Removes the records past `size`. Raises `Failure` E0611."""
        if not self.writes:
            return
        try:
            if cut_file(self.path, self.size, self.disk) < self.size:
                # The copy of a run under way may hold less, and end within a line.
                whole = self.path.read_bytes().rfind(b"\n") + 1 if self.path.exists() else 0
                self.size = cut_file(self.path, whole, self.disk)
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from error


def _plain(value: Any) -> Any:
    """JSON has no NaN: a figure that is none is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, Mapping) else value
