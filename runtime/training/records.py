"""`metrics.jsonl`: a record for every validation, and none twice."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlc.runtime.failures import io_failure


class Records:
    """The records of a run. `size` is how many bytes of the file belong to what was done:
    what is behind them was written by steps that a resumed run does again."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path = path
        self.writes = writes
        self.size = 0

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds a record and syncs it. Raises `Failure` E0611."""
        line = (json.dumps(_plain(record)) + "\n").encode()
        self.size += len(line)
        if not self.writes:
            return
        try:
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from error

    def cut(self) -> None:
        """Removes the records past `size`. Raises `Failure` E0611."""
        if not self.writes:
            return
        try:
            if self.path.exists():
                os.truncate(self.path, min(self.size, self.path.stat().st_size))
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from error


def _plain(value: Any) -> Any:
    """JSON has no NaN: a figure that is none is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, Mapping) else value
