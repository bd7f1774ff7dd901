"""Where a bundle may be written, and how it gets there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from dlc.runtime.bundle.layout import MANIFEST
from dlc.runtime.bundle.manifest import is_bundle, read_manifest
from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.training.storage import DISK, Disk
from dlc.runtime.whole_folder import whole_folder


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
    """A new folder, which takes the place of `target` when the block ends well. Raises `Failure`
    E0913, and what `whole_folder` raises."""
    refuse_target(target)
    with whole_folder(target, disk) as folder:
        yield folder


def sync_file(path: Path, disk: Disk = DISK) -> None:
    """Makes the content of a file durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
