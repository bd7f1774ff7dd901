from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from toy import Spawn

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def spawn() -> Spawn:
    """Starts `toy.work` in a process forked from one that has torch imported."""
    context = multiprocessing.get_context("forkserver")
    # The server may not get our sys.path, depending on the version of Python.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    context.set_forkserver_preload(["toy"])
    import toy

    def start(log: Path, *words: str | Path | int | float) -> BaseProcess:
        process = context.Process(target=toy.work, args=([str(word) for word in words], str(log)))
        process.start()
        return process

    from multiprocessing import forkserver

    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return start
