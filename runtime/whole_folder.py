"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dlc.runtime.failures import io_failure
from dlc.runtime.training.storage import DISK, UNFINISHED, Disk, sync_folder


@contextlib.contextmanager
def whole_folder(target: Path, disk: Disk = DISK) -> Iterator[Path]:
    """A new folder, which takes the place of `target` when the block ends well.

    Where it does not, nothing is left and `target` is as before. What is written there must be
    synced by its writer. Raises `Failure` E0611.
    """
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
