"""Requests that wait for a model run together.

A thread for each model takes what is queued when it is free, and waits for nothing else: an
idle server answers at once, and the fuller the queue, the larger the batches. Requests share
a batch where their rows have one shape; the group whose first request has waited longest is
next.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import Failure
from dlc.runtime.inference.feeding import Columns
from dlc.runtime.serving.datatypes import Array
from dlc.runtime.serving.refusals import Refusal, bad, busy, late

Outputs = Mapping[str, Array]
#: Runs some rows: their columns and how many they are.
Run = Callable[[Columns, int], Outputs]


@dataclass(kw_only=True, eq=False)
class Job:
    """Rows that wait; `deadline` is of `time.monotonic`."""

    columns: Columns
    rows: int
    key: Hashable
    deadline: float
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Outputs]
    since: float = field(default_factory=time.monotonic)


@dataclass(kw_only=True)
class Counts:
    """What a batcher has done; seconds are sums over requests, those of `run` over batches."""

    requests: int = 0
    rows: int = 0
    batches: int = 0
    failed: int = 0
    expired: int = 0
    refused: int = 0
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    last: float = 0.0
    sizes: dict[int, int] = field(default_factory=dict)


class Batcher:
    """The queue of one model. `most` rows run together, `room` requests may wait. Where
    `together` is false, each request runs by itself."""

    def __init__(self, run: Run, *, most: int, room: int, together: bool = True) -> None:
        self.run = run
        self.most = most
        self.room = room
        self.together = together
        self.counts = Counts()
        self._groups: dict[Hashable, deque[Job]] = {}
        self._waiting = 0
        self._running = 0
        self._seconds = 0.0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="dlc-batcher", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return self._waiting

    @property
    def busy(self) -> bool:
        """Whether anything waits or runs."""
        return bool(self._waiting or self._running)

    def refuse_if_full(self) -> None:
        """Raises `Refusal` 503 where there is no room: before a body is read, and again when the
        request is queued."""
        if self._waiting >= self.room:
            self.counts.refused += 1
            raise busy("the queue of the model is full", self._seconds * self._waiting)

    def submit(
        self, columns: Columns, rows: int, key: Hashable, deadline: float
    ) -> asyncio.Future[Outputs]:
        """Queues rows. Called in the loop that awaits the answer. Raises `Refusal` 503."""
        self.refuse_if_full()
        loop = asyncio.get_running_loop()
        job = Job(
            columns=columns,
            rows=rows,
            key=key,
            deadline=deadline,
            loop=loop,
            answer=loop.create_future(),
        )
        with self._changed:
            self._groups.setdefault(key, deque()).append(job)
            self._waiting += 1
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """Ends the thread when the queue is empty."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    # ── the thread ───────────────────────────────────────────────────────────

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._groups and not self._closed:
                    self._changed.wait()
                if not self._groups:
                    return
                jobs, dropped = self._next()
                self._running = len(jobs)
            now = time.monotonic()
            if dropped:
                self.counts.expired += len(dropped)
                _tell([(job, late()) for job in dropped])
            if jobs:
                self.counts.queue_seconds += sum(now - job.since for job in jobs)
                self._answer(jobs)
            self._running = 0

    def _next(self) -> tuple[list[Job], list[Job]]:
        """The jobs of the next batch, and those that nobody waits for any more."""
        key = min(self._groups, key=lambda k: self._groups[k][0].since)
        group = self._groups[key]
        jobs: list[Job] = []
        dropped: list[Job] = []
        rows, now = 0, time.monotonic()
        while group:
            job = group[0]
            if job.answer.cancelled() or job.deadline < now:
                dropped.append(group.popleft())
                continue
            if jobs and (rows + job.rows > self.most or not self.together):
                break
            rows += job.rows
            jobs.append(group.popleft())
        if not group:
            del self._groups[key]
        self._waiting -= len(jobs) + len(dropped)
        return jobs, dropped

    def _answer(self, jobs: Sequence[Job]) -> None:
        began = time.monotonic()
        try:
            found: list[tuple[Job, Outputs | BaseException]] = list(self._divided(jobs))
        except (Failure, MemoryError, ValueError, _Inseparable) as error:
            if len(jobs) > 1:
                # One of them is to blame, or the model mixes rows: each by itself tells.
                if isinstance(error, _Inseparable):
                    self.together = False
                for job in jobs:
                    self._answer([job])
                return
            found = [(jobs[0], _refusal(error))]
        except Exception as error:
            found = [(job, error) for job in jobs]
        seconds = time.monotonic() - began
        rows = sum(job.rows for job in jobs)
        counts = self.counts
        counts.requests += len(jobs)
        counts.rows += rows
        counts.batches += 1
        counts.run_seconds += seconds
        counts.failed += sum(isinstance(answer, BaseException) for _, answer in found)
        counts.last = time.time()
        counts.sizes[rows] = counts.sizes.get(rows, 0) + 1
        self._seconds += 0.1 * (seconds / len(jobs) - self._seconds)
        _tell(found)

    def _divided(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Outputs]]:
        """One run for all, and each its own rows."""
        if len(jobs) == 1:
            yield jobs[0], self.run(jobs[0].columns, jobs[0].rows)
            return
        rows = sum(job.rows for job in jobs)
        outputs = self.run(joined([job.columns for job in jobs]), rows)
        if any(not values.ndim or len(values) != rows for values in outputs.values()):
            raise _Inseparable
        start = 0
        for job in jobs:
            stop = start + job.rows
            yield job, {name: values[start:stop] for name, values in outputs.items()}
            start = stop


class _Inseparable(Exception):
    """An output has not one entry for each row."""


def joined(parts: Sequence[Columns]) -> dict[str, Array | Ragged]:
    """The rows of several requests, one after the other."""
    found: dict[str, Array | Ragged] = {}
    for name in parts[0]:
        columns = [part[name] for part in parts]
        ragged = [column for column in columns if isinstance(column, Ragged)]
        dense = [column for column in columns if not isinstance(column, Ragged)]
        # Their keys are equal, so that all are of one kind.
        found[name] = Ragged.joined(ragged) if ragged else np.concatenate(dense)
    return found


def _refusal(error: BaseException) -> Refusal:
    """What a client is told of values that a model did not take. Messages of onnxruntime name
    files of its source, and ours those of the model: neither is passed on."""
    if isinstance(error, MemoryError):
        return busy("there is no memory for this request", 1)
    text = error.diagnostic.message if isinstance(error, Failure) else str(error)
    reason = text.partition("Status Message: ")[2].partition("\n")[0].strip()
    if not reason or "/" in reason:
        return bad("the model does not take these values")
    return bad(f"the model does not take these values: {reason[:200]}")


def _tell(found: Sequence[tuple[Job, Outputs | BaseException]]) -> None:
    """Hands the answers of a batch over, waking each loop once."""
    loops = {id(job.loop): job.loop for job, _ in found}
    for number, loop in loops.items():
        mine = [(job.answer, answer) for job, answer in found if id(job.loop) == number]
        # A loop that is closed has nobody who waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(found: Sequence[tuple[asyncio.Future[Outputs], Outputs | BaseException]]) -> None:
    for future, answer in found:
        if future.done():
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
