"""A folder that a target is written to: it appears whole, and replaces only one of its kind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from dlc.compiler.version import VERSION
from dlc.runtime.failures import failure, shown
from dlc.runtime.training.storage import write_file
from dlc.runtime.whole_folder import whole_folder

#: The list of what we wrote, by which a later export knows what it may replace.
MARK = "dlc-target.json"
_FORMAT = 1


@contextlib.contextmanager
def written(target: Path, kind: str) -> Iterator[Path]:
    """A new folder for a target of some kind, which takes the place of `target` when the block
    ends well; where it does not, `target` is as before. Raises `Failure` E0932, E0611."""
    refuse_foreign(target)
    with whole_folder(target) as folder:
        yield folder
        record = {"format": _FORMAT, "dlc": VERSION, "target": kind, "files": files_in(folder)}
        write_file(folder / MARK, ((json.dumps(record, indent=2) + "\n").encode(),))


def files_in(folder: Path) -> list[str]:
    """Every file below a folder, by its path from there."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def refuse_foreign(target: Path) -> None:
    """Raises `Failure` E0932 where there is something that a target did not write."""
    if not target.exists() and not target.is_symlink():
        return
    if target.is_symlink() or not target.is_dir():
        raise _foreign(target, "is no folder")
    there = set(files_in(target))
    if not there:
        return
    try:
        record = json.loads((target / MARK).read_bytes())
        ours = {MARK, *record["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise _foreign(target, "is a folder with other files") from None
    others = sorted(there - ours)
    if others:
        raise _foreign(target, f"has files that are not ours, such as `{others[0]}`")


def _foreign(target: Path, what: str) -> Exception:
    return failure(
        "E0932",
        f"`{shown(target)}` {what}, which a target does not replace",
        help="name a folder that is not there yet, or remove it yourself",
        exit_code=2,
    )
