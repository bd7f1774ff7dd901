"""Arrays that lie in files: what is larger than memory and is wanted in any order.

The system keeps of them in memory what there is room for. The files have no name, so that
nothing stays behind, however the process ends. They are in the folder that `TMPDIR` names, else
in `/var/tmp`: `/tmp` is itself in memory on many systems.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.failures import Failure, failure, io_failure

Array = npt.NDArray[Any]

# Numbers that are worked on at once.
_PIECE = 1 << 22


class Growing:
    """An array that is written piece by piece: `shape` is that of a row. Raises `Failure` E0611
    where there is no room."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> None:
        self._dtype = dtype
        self._shape = shape
        self._rows = 0
        self._file = _file()

    def __del__(self) -> None:
        # What was not finished, because reading or making room failed; closing would write what
        # a full disk did not take.
        if hasattr(self, "_file"):
            with contextlib.suppress(OSError):
                self._file.close()

    def append(self, values: Array) -> None:
        content = np.ascontiguousarray(values, self._dtype)
        try:
            self._write(content.reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise _no_room(error) from None
        self._rows += len(values)

    def _write(self, content: memoryview) -> None:
        self._file.write(content)

    def done(self) -> Array:
        """The whole array; nothing can be written to it any more."""
        try:
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from None
        return _mapped(self._file, self._dtype, (self._rows, *self._shape), "c")


def is_spilled(values: Array) -> bool:
    """Whether an array lies in a file."""
    return isinstance(values, np.memmap)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any], like: Array) -> Array:
    """An array to be filled, in a file where `like` is in one. Raises `Failure` E0611."""
    if not is_spilled(like):
        return np.empty(shape, dtype)
    file = _file()
    try:
        _reserve(file, max(int(np.prod(shape)) * dtype.itemsize, 1))
    except OSError as error:
        file.close()
        raise _no_room(error) from None
    return _mapped(file, dtype, shape, "r+")


def joined(parts: Sequence[Array]) -> Array:
    """The arrays one after the other, in a file where the first is in one."""
    first = parts[0]
    if not is_spilled(first):
        return np.concatenate(parts)
    found = empty((sum(map(len, parts)), *first.shape[1:]), first.dtype, first)
    start = 0
    for part in parts:
        found[start : start + len(part)] = part
        start += len(part)
    return found


def pieces(ends: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Rows that are worked on at once. `ends` has how many numbers there are before each row,
    and before none."""
    marks = np.arange(ends[0], ends[-1], _PIECE)
    cuts = np.unique(np.append(np.searchsorted(ends, marks), len(ends) - 1))
    yield from (slice(start, stop) for start, stop in pairwise([0, *cuts[cuts > 0].tolist()]))


def _reserve(file: IO[bytes], size: int) -> None:
    """Room that is promised only would end the process where it is written to."""
    reserve = getattr(os, "posix_fallocate", None)
    if reserve is not None:
        reserve(file.fileno(), 0, size)
        return
    # macOS and Windows have no such call.
    for start in range(0, size, _PIECE):
        file.write(bytes(min(_PIECE, size - start)))
    file.flush()


def _file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=_folder())
    except OSError as error:
        raise _no_room(error) from None


def _folder() -> str:
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    if not named and os.access("/var/tmp", os.W_OK | os.X_OK):
        return "/var/tmp"
    return tempfile.gettempdir()


def _mapped(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], mode: Any) -> Array:
    # A mapping keeps what it maps.
    with file:
        return np.empty(shape, dtype) if 0 in shape else np.memmap(file, dtype, mode, shape=shape)


def _no_room(error: OSError) -> Failure:
    found = io_failure("cannot write", _folder(), error).diagnostic
    return failure("E0611", found.message, help="let `TMPDIR` name a folder with more room")
