"""One rank, from its start to its end, and what it reports to `dlc train --nproc`.

A rank that ends for a reason, a mistake of the spec or a signal, must not be started again:
it leaves a report and exits with 0. One that is lost, or lost another, exits otherwise, and
all are started again from the last checkpoint.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlc.runtime.device import choose_device
from dlc.runtime.distributed.ranks import Followed, Ranks
from dlc.runtime.distributed.tether import tether
from dlc.runtime.failures import Failure, failure
from dlc.runtime.training.storage import replace_file
from dlc.runtime.training.world import World

#: The folder of reports, in the environment of ranks that `dlc train --nproc` started.
REPORTS = "DLC_RANK_REPORTS"
STOP = "stop"
LOST = 75
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)

# Threads of gloo whose peer is gone may keep a process from ending.
_SECONDS_TO_END = 10.0


def run_rank(body: Callable[[World], int], *, device: str, timeout: float) -> int:
    """Does the work of one rank; gives the exit status of the process. Raises `Failure`
    where nobody waits for a report."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        tether(os.getppid())
    folder = os.environ.get(REPORTS)
    if folder is None:
        return _run(body, device, timeout)
    reports = Reports(Path(folder))
    reports.here(int(os.environ["RANK"]))
    asked = reports.stop()
    if asked:
        return reports.end(128 + asked)
    try:
        return reports.end(_run(body, device, timeout))
    except KeyboardInterrupt:
        return reports.leave(130)
    except Failure as problem:
        if problem.diagnostic.code.number != "E0638":
            return reports.leave(problem.exit_code, problem)
        # The other may have had a reason.
        if any(report["exit_code"] for report in reports.read().values()):
            return reports.leave(problem.exit_code)
        lines = (problem.diagnostic.message, *problem.diagnostic.notes)
        sys.stderr.write("\n".join(lines) + "\n")
        reports.end_silent()
        _flush()
        os._exit(LOST)


def _run(body: Callable[[World], int], device: str, timeout: float) -> int:
    try:
        world = Ranks.open(choose_device(device), timeout)
        status = body(world)
        world.close()
        return status
    except Followed as followed:
        return followed.exit_code
    except Failure as problem:
        if problem.diagnostic.code.number == "E0638":
            timer = threading.Timer(_SECONDS_TO_END, os._exit, (problem.exit_code,))
            timer.daemon = True
            timer.start()
        raise


class Reports:
    """How ranks ended, a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rank = 0

    def here(self, rank: int) -> None:
        """Says which process is a rank, to whoever wants to send it a signal."""
        self.rank = rank
        replace_file(self.folder / f"{rank}.pid", str(os.getpid()).encode())

    def processes(self) -> list[int]:
        return [int(path.read_text()) for path in sorted(self.folder.glob("*.pid"))]

    def end_silent(self) -> None:
        """Ends the other ranks of this machine: all are started again, and one that hangs would
        not hear the agent, which waits half a minute for it."""
        done = self.read()
        for path in self.folder.glob("*.pid"):
            if int(path.stem) != self.rank and int(path.stem) not in done:
                with suppress(ProcessLookupError):
                    os.kill(int(path.read_text()), _KILL)

    def ask(self, number: int) -> None:
        """Has ranks end that have not begun."""
        replace_file(self.folder / STOP, str(number).encode())

    def stop(self) -> int:
        """The signal that came before this rank began, or 0."""
        try:
            return int((self.folder / STOP).read_text())
        except FileNotFoundError:
            return 0

    def end(self, exit_code: int, problem: Failure | None = None) -> int:
        record: dict[str, Any] = {"exit_code": exit_code}
        if problem is not None:
            said = problem.diagnostic
            record |= {
                "code": said.code.number,
                "message": said.message,
                "notes": list(said.notes),
                "help": said.help,
            }
        replace_file(self.folder / f"{self.rank}.json", json.dumps(record).encode())
        return 0

    def leave(self, exit_code: int, problem: Failure | None = None) -> int:
        """Ends while others may wait for this rank."""
        self.end(exit_code, problem)
        _flush()
        os._exit(0)

    def read(self) -> dict[int, dict[str, Any]]:
        """The reports so far, by rank."""
        return {
            int(path.stem): json.loads(path.read_bytes())
            for path in sorted(self.folder.glob("*.json"))
        }

    def outcome(self) -> int:
        """The exit status of all; raises the `Failure` that one of them reported."""
        reports = self.read()
        for rank, record in sorted(reports.items()):
            if "code" in record:
                message = record["message"] if rank == 0 else f"rank {rank}: {record['message']}"
                raise failure(
                    record["code"],
                    message,
                    notes=tuple(record["notes"]),
                    help=record["help"],
                    exit_code=record["exit_code"],
                )
        return max((record["exit_code"] for record in reports.values()), default=0)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
