"""Weights files: safetensors, read tensor by tensor; everything else is refused.

A file is opened once, and what was checked is what is read: neither a link that moves nor
a file that is replaced meanwhile leads elsewhere. Torch is not needed, nor imported.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Final

from dlc.compiler.transfer.header import (
    LENGTH_BYTES,
    HeaderError,
    Stored,
    header_length,
    read_header,
)
from dlc.runtime.failures import Failure, failure, io_failure, shown

_CONVERT: Final = (
    "where you trust it, make one of it once: python -c "
    "\"import torch, safetensors.torch as s; w = torch.load('{name}', weights_only=True, "
    "map_location='cpu'); s.save_file({{k: v.clone() for k, v in w.items()}}, "
    "'{stem}.safetensors')\""
)
_PICKLE: Final = "is a pickle, which can run any code when it is opened"

# How other files begin: what they are, and what to do.
_OTHERS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\x80", _PICKLE, _CONVERT),
    (
        b"\x89HDF\r\n\x1a\n",
        "is an HDF5 file, as Keras writes it",
        "save its weights by name with `safetensors.numpy.save_file`",
    ),
    (
        b"GGUF",
        "is a GGUF file, whose weights are mostly quantized",
        "take the safetensors file of the same model",
    ),
    (
        b"version https://git-lfs",
        "is the pointer of git-lfs, not the file itself",
        "fetch it: `git lfs pull`",
    ),
    (b"<", "is a text in HTML or XML, perhaps the page of an error", "download the file again"),
)


class WeightsFile:
    """An open safetensors file with a sound header. `tensors` are in the header's order."""

    def __init__(
        self, path: Path, file: BufferedReader, tensors: Mapping[str, Stored], at: int
    ) -> None:
        self.path = path
        self.tensors = tensors
        self.size = os.fstat(file.fileno()).st_size
        self._file = file
        self._at = at

    def __enter__(self) -> WeightsFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, name: str) -> bytearray:
        """The bytes of one tensor. Raises `Failure` E0610 for a file that was cut meanwhile,
        E0611."""
        stored = self.tensors[name]
        content = bytearray(stored.end - stored.begin)
        try:
            self._file.seek(self._at + stored.begin)
            got = self._file.readinto(content)
        except OSError as error:
            raise io_failure("cannot read", self.path, error) from None
        if got != len(content):
            raise bad_weights(self.path, "it was cut off while it was read")
        return content

    def sha256(self) -> str:
        """The digest of the whole file. Raises `Failure` E0611."""
        try:
            self._file.seek(0)
            return hashlib.file_digest(self._file, "sha256").hexdigest()
        except OSError as error:
            raise io_failure("cannot read", self.path, error) from None


def open_weights(path: Path) -> WeightsFile:
    """Opens a safetensors file and checks its header.

    Raises `Failure` E0610 for any other file and for a damaged one, E0611 where it cannot be
    read.
    """
    try:
        # A pipe or a device would wait for ever at the opening.
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise failure("E0610", f"`{shown(path)}` is {kind}", help="name a safetensors file")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise failure("E0611", f"there is no file `{shown(path)}`", exit_code=2) from None
    except ValueError:
        raise failure("E0611", f"{str(path)!r} is no path", exit_code=2) from None
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
    try:
        return _checked(path, file)
    except OSError as error:
        file.close()
        raise io_failure("cannot read", path, error) from None
    except BaseException:
        file.close()
        raise


def _checked(path: Path, file: BufferedReader) -> WeightsFile:
    size = os.fstat(file.fileno()).st_size
    start = file.read(512)
    _refuse_others(path, start)
    try:
        length = header_length(start, size)
        file.seek(LENGTH_BYTES)
        tensors = read_header(file.read(length), size - LENGTH_BYTES - length)
    except HeaderError as problem:
        raise bad_weights(path, str(problem)) from None
    return WeightsFile(path, file, tensors, LENGTH_BYTES + length)


def _refuse_others(path: Path, start: bytes) -> None:
    # The ninth byte of a safetensors file opens the JSON of its header.
    if start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{":
        return
    if start[:4] == b"PK\x03\x04":
        raise _refused(path, *_archive(start))
    if start[:1] == b"{":
        help = "name one of the files that it lists; a model in several files is not read yet"
        raise _refused(path, "is JSON, perhaps the list of the files of a model", help)
    for magic, what, help in _OTHERS:
        if start.startswith(magic):
            raise _refused(path, what, help)


def _archive(start: bytes) -> tuple[str, str]:
    """What a zip archive is, by the name of its first member."""
    length = int.from_bytes(start[26:28], "little")
    member = start[30 : 30 + length]
    if member.endswith(b".npy"):
        return "is an archive of numpy", "save it with `safetensors.numpy.save_file`"
    if b"/" in member or member.endswith(b".pkl"):
        return f"{_PICKLE} (torch.save wrote it)", _CONVERT
    return "is a zip archive", "save its weights by name with `safetensors.numpy.save_file`"


def _refused(path: Path, what: str, help: str) -> Failure:
    text = help.format(name=path.name, stem=path.stem) if help is _CONVERT else help
    return failure("E0610", f"`{shown(path)}` {what}; weights are read from safetensors", help=text)


def bad_weights(path: Path, why: str) -> Failure:
    return failure(
        "E0610",
        f"`{shown(path)}` is no sound safetensors file: {why}",
        help="take it from its source again, or from a backup",
    )
