"""A lock on a file that goes away with its process, however that ends."""

from __future__ import annotations

import os
import time
from typing import IO

from dlc.runtime.failures import io_failure


def take_soon(file: IO[bytes]) -> bool:
    """Takes the lock, or says that another process has it. Tries more than once: who only asks
    whether a folder is locked holds it for a moment."""
    for _ in range(3):
        if take(file):
            return True
        time.sleep(0.02)
    return False


def take(file: IO[bytes]) -> bool:
    """The same, tried once."""
    if os.name == "nt":
        import msvcrt

        try:
            file.seek(0)
            getattr(msvcrt, "locking")(file.fileno(), getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise io_failure("cannot lock", file.name, error) from error
    return True
