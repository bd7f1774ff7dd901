"""`dlc train --nproc`: the ranks of one machine, started, watched, and started again.

The watching is torch's elastic agent, what `torchrun` runs; see `worker` for what ranks
report beside their exit status.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from dlc.runtime.distributed.worker import REPORTS, Reports
from dlc.runtime.failures import failure, shown
from dlc.runtime.training.signals import SIGNALS

# A meeting takes longer than a collective may: after a hang, ranks come one by one.
_RENDEZVOUS_SECONDS = 900
_WATCHED_EVERY = 0.1
_SECONDS_TO_STOP = 10


def launch(words: Sequence[str], *, ranks: int, timeout: float, restarts: int) -> int:
    """Runs `dlc` with these words as so many ranks; gives the exit status. Rank 0 speaks, the
    others write logs, which are kept where a rank is lost. Raises the `Failure` that a rank
    ended with, or E0638 where ranks are lost more than `restarts` times."""
    folder = Path(tempfile.mkdtemp(prefix="dlc-ranks-"))
    reports = Reports(folder / "reports")
    reports.folder.mkdir()
    _prepare_environment(reports, ranks)
    lost = _run(words, folder / "logs", reports, ranks, timeout, restarts)
    try:
        status = reports.outcome()
        if lost and not status:
            raise failure(
                "E0638",
                lost,
                notes=(f"the logs of all ranks are in `{shown(folder / 'logs')}`",),
                help="look there; `dlc train --resume` goes on from the last checkpoint",
            )
    except BaseException:
        if not lost:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return status


def _prepare_environment(reports: Reports, ranks: int) -> None:
    os.environ[REPORTS] = os.fspath(reports.folder)
    # Else the ranks of a second attempt call at the addresses of the first (torch 2.14).
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(_SECONDS_TO_STOP))
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // ranks, 1)))
    # What the agent has to say, rank 0 and this module say in fewer words.
    os.environ.setdefault("LOGLEVEL", "CRITICAL")


def _run(
    words: Sequence[str], logs: Path, reports: Reports, ranks: int, timeout: float, restarts: int
) -> str:
    """Runs the ranks to their end; says which one was lost for good."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=ranks,
        run_id="dlc",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        rdzv_configs={"timeout": int(max(_RENDEZVOUS_SECONDS, 2 * timeout))},
        max_restarts=restarts,
        monitor_interval=_WATCHED_EVERY,
        signals_to_handle="SIGHUP,SIGQUIT",
        logs_specs=DefaultLogsSpecs(
            log_dir=os.fspath(logs),
            redirects={rank: Std.ALL if rank else Std.NONE for rank in range(ranks)},
        ),
    )
    command = ("-m", "dlc.compiler.cli.main", *words)
    try:
        with _passing_signals(reports):
            elastic_launch(config, sys.executable)(*command)
    except ChildFailedError as error:
        rank, first = error.get_first_failure()
        how = f"ended with status {first.exitcode}"
        if first.exitcode < 0:
            with suppress(ValueError):
                how = f"was killed by {signal.Signals(-first.exitcode).name}"
        times = f", after {restarts} restarts" if restarts else ""
        return f"rank {rank} {how}{times}"
    return ""


@contextmanager
def _passing_signals(reports: Reports) -> Iterator[None]:
    """Signals go to the ranks, which save and end; the agent would end them itself."""

    def forward(number: int, frame: FrameType | None) -> None:
        reports.ask(number)
        for process in reports.processes():
            with suppress(ProcessLookupError):
                os.kill(process, number)

    before: dict[int, Any] = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
