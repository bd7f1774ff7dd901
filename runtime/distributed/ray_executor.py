"""`dlc train --executor ray`: the same ranks, started on a Ray cluster.

Ray finds a place for each rank and starts it; the ranks themselves run the command that
`torchrun` would run, and meet in the same way. All machines need the same environment, and
the spec, the data and the run folder at the same paths.

Source: Ray 2.x, actors and placement groups, https://docs.ray.io/en/latest/ray-core.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from dlc.runtime.failures import failure
from dlc.runtime.training.signals import SIGNALS

COMMAND = (sys.executable, "-m", "dlc.compiler.cli.main")
_SECONDS_TO_PLACE = 300
_TAIL = 20
_LOST = "E0638"


class Rank:
    """An actor: the process of one rank, on whichever machine Ray chose."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def address(self) -> tuple[str, int]:
        """Where the others can meet this rank."""
        import ray

        with socket.socket() as free:
            free.bind(("", 0))
            return str(ray.util.get_node_ip_address()), int(free.getsockname()[1])

    def run(self, words: Sequence[str], folder: str, environment: dict[str, str]) -> Any:
        """Runs the rank to its end: the exit status, standard output, the end of the log."""
        speaks = environment["RANK"] == "0"
        with subprocess.Popen(
            [*COMMAND, *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            self.process = process
            assert process.stderr is not None
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stderr:
                lines = [*lines[1 - _TAIL :], line]
                if speaks:
                    # Ray brings it to whoever waits.
                    sys.stderr.write(line)
            # What a rank answers is some lines, which wait in the pipe.
            answer = process.stdout.read()
        return process.returncode, answer, "".join(lines)

    def signal(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)


def launch(words: Sequence[str], *, ranks: int, restarts: int, gpus: bool) -> int:
    """Runs `dlc` with these words as so many ranks on the cluster at `RAY_ADDRESS`, or on this
    machine; gives the exit status. Raises `Failure` E0637 where the cluster has no room, E0638
    where ranks are lost more than `restarts` times."""
    import ray

    ray.init(ignore_reinit_error=True, log_to_driver=True)
    try:
        for attempt in range(restarts + 1):
            ended = _attempt(ray, words, ranks, attempt, gpus)
            lost = [rank for rank, (status, _, log) in enumerate(ended) if _is_lost(status, log)]
            if not lost or any(_has_reason(status, log) for status, _, log in ended):
                return _told(ended)
        # The one that others lost, rather than those that say so.
        first = next((rank for rank in lost if _LOST not in ended[rank][2]), lost[0])
        raise failure(
            "E0638",
            f"rank {first} was lost, after {restarts} restarts",
            notes=tuple(ended[first][2].strip().splitlines()[-3:]),
            help="`dlc train --resume` goes on from the last checkpoint",
        )
    finally:
        ray.shutdown()


def _attempt(ray: Any, words: Sequence[str], ranks: int, attempt: int, gpus: bool) -> list[Any]:
    resources = {"CPU": 1, "GPU": 1} if gpus else {"CPU": 1}
    group = ray.util.placement_group([resources] * ranks, strategy="PACK")
    try:
        if not group.wait(timeout_seconds=_SECONDS_TO_PLACE):
            kind = "GPUs" if gpus else "CPUs"
            raise failure(
                "E0637",
                f"the Ray cluster has no room for {ranks} ranks",
                help=f"each takes one of its {kind}: `ray status` shows them",
            )
        # A second thread takes signals while the first one waits for the process.
        actor = ray.remote(Rank).options(
            num_cpus=1,
            num_gpus=int(gpus),
            max_concurrency=2,
            scheduling_strategy=ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(
                placement_group=group
            ),
        )
        actors = [actor.remote() for _ in range(ranks)]
        host, port = ray.get(actors[0].address.remote())
        folder = os.getcwd()
        runs = [
            each.run.remote(words, folder, _environment(rank, ranks, host, port, attempt))
            for rank, each in enumerate(actors)
        ]
        with _passing_signals(actors):
            return [_ended(ray, run) for run in runs]
    finally:
        ray.util.remove_placement_group(group)


def _environment(rank: int, ranks: int, host: str, port: int, attempt: int) -> dict[str, str]:
    """What `torchrun` sets. Ray shows each rank its own GPU as the first."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": "0",
        "WORLD_SIZE": str(ranks),
        "MASTER_ADDR": host,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RESTART_COUNT": str(attempt),
    }


def _ended(ray: Any, run: Any) -> Any:
    try:
        return ray.get(run)
    except ray.exceptions.RayError as error:
        # The machine or the actor is gone, and the rank with it.
        return -signal.SIGKILL, "", str(error)


def _is_lost(status: int, log: str) -> bool:
    return status < 0 or (status != 0 and _LOST in log)


def _has_reason(status: int, log: str) -> bool:
    """Whether a rank ended for a reason that is there in the next attempt too."""
    return status > 0 and _LOST not in log


def _told(ended: Sequence[Any]) -> int:
    """Passes on what the leader answered, and why another rank ended; the exit status."""
    sys.stdout.write(ended[0][1])
    sys.stdout.flush()
    for rank, (status, _, log) in enumerate(ended):
        if _has_reason(status, log):
            if rank:
                sys.stderr.write(f"rank {rank}:\n{log}")
            return int(status)
    return 0


@contextmanager
def _passing_signals(actors: Sequence[Any]) -> Iterator[None]:
    def forward(number: int, frame: FrameType | None) -> None:
        for actor in actors:
            actor.signal.remote(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
