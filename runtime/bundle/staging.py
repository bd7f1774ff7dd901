"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from dlc.runtime.bundle.layout import MANIFEST
from dlc.runtime.bundle.manifest import is_bundle, read_manifest
from dlc.runtime.failures import Failure, failure, io_failure, shown
from dlc.runtime.training.storage import DISK, UNFINISHED, Disk, sync_folder


def refuse_target(target: Path) -> None:
    """Raises `Failure` E0913 where a bundle would replace what is none, or a bundle with other
    files in it: what a user put there is never removed."""
    if not target.exists() and not target.is_symlink():
        return
    if target.is_symlink() or not target.is_dir():
        raise _in_the_way(target, "is no folder")
    names = {entry.name for entry in target.iterdir()}
    if not names:
        return
    if not is_bundle(target):
        raise _in_the_way(target, "is a folder with other files")
    try:
        known = {MANIFEST, *read_manifest(target).files}
    except Failure:
        raise _in_the_way(target, "is a bundle whose manifest is damaged") from None
    others = sorted(names - known)
    if others:
        raise _in_the_way(target, f"is a bundle with other files, such as `{others[0]}`")


def _in_the_way(target: Path, what: str) -> Failure:
    return failure(
        "E0913",
        f"`{shown(target)}` {what}, which a bundle does not replace",
        help="name a folder that is not there yet, or remove it yourself",
    )


@contextlib.contextmanager
def staged(target: Path, disk: Disk = DISK) -> Iterator[Path]:
    """A new folder, which takes the place of `target` when the block ends well.

    Where it does not, nothing is left and `target` is as before. What is written there must be
    synced by its writer. Raises `Failure` E0913, E0611.
    """
    refuse_target(target)
    # `..` has no name that a folder beside it could bear.
    target = target.resolve()
    made = _missing(target.parent)
    temporary = target.with_name(f"{UNFINISHED}{target.name}")
    aside = target.with_name(f"{UNFINISHED}old-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        disk.remove(temporary)
        temporary.mkdir()
        yield temporary
        sync_folder(temporary, disk)
        if target.exists():
            disk.remove(aside)
            disk.rename(target, aside)
        disk.rename(temporary, target)
        sync_folder(target.parent, disk)
    except BaseException as error:
        # After the second rename the new folder bears the name, and the old one waits aside.
        replaced = not temporary.exists() and target.exists() and aside.exists()
        disk.remove(target if replaced else temporary)
        if aside.exists() and not target.exists():
            with contextlib.suppress(OSError):
                disk.rename(aside, target)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise io_failure("cannot write", target, error) from None
        raise
    disk.remove(aside)


def _missing(folder: Path) -> list[Path]:
    """The folders that have to be made for this one, the innermost first."""
    found = []
    while not folder.exists() and folder != folder.parent:
        found.append(folder)
        folder = folder.parent
    return found


def sync_file(path: Path, disk: Disk = DISK) -> None:
    """Makes the content of a file durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
