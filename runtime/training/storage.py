"""Writing so that a crash at any moment leaves the old state or the new one, whole.

Everything goes through a `Disk`: a place for the few operations whose order decides
what survives, and the one that the crash tests replace.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from dlc.runtime.failures import io_failure

Chunks: TypeAlias = Iterable[bytes | memoryview]
#: From the SHA-256 of each file, the name and content of the file that vouches for them.
Seal: TypeAlias = Callable[[Mapping[str, str]], tuple[str, bytes]]

#: Names that begin so are unfinished or given up, and removed when a run is opened.
UNFINISHED = ".unfinished-"


class Disk:
    """The operations that a crash, a full disk or a failing drive can fall between."""

    def write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)

    def remove(self, path: Path) -> None:
        """Removes a file or a folder as far as that can be done; raises nothing."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


DISK = Disk()


def write_file(path: Path, chunks: Chunks, disk: Disk = DISK) -> str:
    """Writes a new file through to the drive; gives its SHA-256. Raises OSError."""
    digest = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        for chunk in chunks:
            digest.update(chunk)
            _write(descriptor, chunk, disk)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def append_file(path: Path, content: bytes, disk: Disk = DISK) -> None:
    """Adds to the end of a file, through to the drive. Raises OSError; a part of the content
    may be there then, and after a crash."""
    begins = not path.exists()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        _write(descriptor, content, disk)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    if begins:
        sync_folder(path.parent, disk)


def cut_file(path: Path, size: int, disk: Disk = DISK) -> int:
    """Removes what a file holds past `size` bytes; gives how many it holds then, 0 where there
    is none. Raises OSError."""
    try:
        held = path.stat().st_size
    except FileNotFoundError:
        return 0
    if held > size:
        disk.truncate(path, size)
    return min(held, size)


def _write(descriptor: int, chunk: bytes | memoryview, disk: Disk) -> None:
    rest = memoryview(chunk).cast("B") if len(chunk) else memoryview(b"")
    while rest:
        rest = rest[disk.write(descriptor, rest) :]


def sync_folder(path: Path, disk: Disk = DISK) -> None:
    """Makes the names in a folder durable, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, disk: Disk = DISK) -> str:
    """Puts a file in place of what is there, whole or not at all; gives its SHA-256.
    Raises `Failure` E0611, and leaves no other file then."""
    temporary = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        disk.remove(temporary)
        digest = write_file(temporary, (content,), disk)
        disk.rename(temporary, path)
        sync_folder(path.parent, disk)
    except OSError as error:
        disk.remove(temporary)
        raise io_failure("cannot write", path, error) from error
    return digest


def place_folder(target: Path, files: Mapping[str, Chunks], seal: Seal, disk: Disk = DISK) -> None:
    """Makes the folder `target` with all its files appear at once.

    The file of `seal` is written last. What stands at `target` is put aside first and
    removed after. Raises OSError, and leaves nothing behind then.
    """
    parent = target.parent
    temporary = parent / f"{UNFINISHED}{target.name}"
    aside = parent / f"{UNFINISHED}old-{target.name}"
    disk.remove(temporary)
    temporary.mkdir()
    try:
        digests = {name: write_file(temporary / name, files[name], disk) for name in files}
        name, content = seal(digests)
        write_file(temporary / name, (content,), disk)
        sync_folder(temporary, disk)
        if target.exists():
            disk.remove(aside)
            disk.rename(target, aside)
        disk.rename(temporary, target)
        sync_folder(parent, disk)
    except BaseException:
        disk.remove(temporary)
        if aside.exists() and not target.exists():
            with contextlib.suppress(OSError):
                disk.rename(aside, target)
        raise
    disk.remove(aside)


def discard(path: Path, disk: Disk = DISK) -> None:
    """Removes a folder such that a crash never leaves half of it under its name."""
    aside = path.with_name(f"{UNFINISHED}gone-{path.name}")
    disk.remove(aside)
    with contextlib.suppress(FileNotFoundError):
        disk.rename(path, aside)
    disk.remove(aside)


def clean(folder: Path, disk: Disk = DISK) -> None:
    """Removes what an interrupted write left in a folder."""
    if folder.is_dir():
        for entry in list(folder.iterdir()):
            if entry.name.startswith(UNFINISHED):
                disk.remove(entry)
