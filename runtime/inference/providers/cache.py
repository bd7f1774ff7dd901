"""Where compiled engines are kept: a folder of this user, named after the model's content.

Never beside the model: a bundle stays as it was written, and an engine fits one kind of
device alone. An engine is machine code, so the folder must belong to this user and to nobody
else: who can write there runs code here. `DLC_CACHE` names another folder.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from dlc.runtime.failures import failure, io_failure, shown


def cache_root() -> Path:
    """The folder for what can be made again."""
    given = os.environ.get("DLC_CACHE")
    if given:
        return Path(given).resolve()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "dlc"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dlc"
    base = os.environ.get("XDG_CACHE_HOME")
    # The specification: a relative path is to be ignored.
    root = Path(base) if base and os.path.isabs(base) else Path.home() / ".cache"
    return root / "dlc"


def engine_folder(digest: str) -> Path:
    """The folder for the engines of one model, made where it is missing. Raises `Failure`
    E0611 where others could write there."""
    folder = cache_root() / "engines" / digest[:32]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.stat(folder)
    except OSError as error:
        raise io_failure("cannot make", folder, error) from None
    if os.name != "nt":
        foreign = status.st_uid != os.getuid()
        if foreign or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise failure(
                "E0611",
                f"`{shown(folder)}` is not used for engines: others can write there",
                help=f"remove it, or take writing from others: chmod 700 {shown(folder)}",
            )
    return folder
