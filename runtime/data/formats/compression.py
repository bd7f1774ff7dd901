"""Reading compressed files, within bounds.

A few kilobytes can stand for terabytes. What is expanded is counted while it is read:
past `FREE_BYTES` the ratio is limited, and the size is in any case.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from dlc.runtime.data.formats.base import bad_file

_CODECS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
#: Text and numbers rarely shrink by more than 20; gzip's own limit is 1032.
MOST_RATIO = 200
FREE_BYTES = 32 << 20
MOST_BYTES = 256 << 30


def codec_of(path: Path) -> str | None:
    """How a file is compressed, by the suffix of its name."""
    return _CODECS.get(path.suffix.lower())


def open_expanded(path: Path) -> IO[bytes]:
    """The content of a file, expanded where its suffix says that it is compressed. Reading
    raises `Failure` E0604 past the bounds, OSError where the stream is damaged."""
    codec = codec_of(path)
    if codec is None:
        return path.open("rb")
    return cast("IO[bytes]", io.BufferedReader(_Expanded(path, codec), 1 << 20))


class _Expanded(io.RawIOBase):
    def __init__(self, path: Path, codec: str) -> None:
        self._path = path
        self._most = min(max(FREE_BYTES, MOST_RATIO * path.stat().st_size), MOST_BYTES)
        self._count = 0
        self._file = pa.OSFile(str(path))
        self._stream = pa.CompressedInputStream(self._file, codec)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        self._count += len(content)
        if self._count > self._most:
            raise bad_file(
                self._path,
                f"it expands to more than {self._most >> 20:,} MiB, "
                f"{MOST_RATIO} times its size or more",
                help="expand it yourself if you trust it",
            )
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._file.close()
        super().close()
