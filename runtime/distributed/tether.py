"""A worker never outlives the process that started it."""

from __future__ import annotations

import os
import platform
import threading
import time

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_SECONDS = 1.0


def tether(parent: int) -> None:
    """Ends this process when `parent`, its parent, is gone: by the kernel where that can be
    asked for, which reaches a stopped process too, else by a thread that looks."""
    if platform.system() == "Linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it was gone before
            os._exit(1)
        return
    threading.Thread(target=_watch, args=(parent,), name="tether", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os._exit(1)
