"""`dlc predict --executor ray`: the same parts, made on a Ray cluster.

Tasks read, actors answer, and this process keeps what comes, in whatever order: the joined
file is that of one process, byte for byte, where the machines compute alike. All of them need
the same environment, and the model and the data at the same paths. Files whose rows can be
reached from the middle are read by many tasks, others by one each.

Source: Ray Data 2.x, https://docs.ray.io/en/latest/data/data.html.
"""

from __future__ import annotations

import json
import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dlc.runtime.data.formats.base import Skipped
from dlc.runtime.failures import Failure, failure
from dlc.runtime.prediction.batches import Batch, batches
from dlc.runtime.prediction.encoding import Format
from dlc.runtime.prediction.local import Asked, Tell
from dlc.runtime.prediction.parts import Part, PartFolder
from dlc.runtime.prediction.ranges import Ranges
from dlc.runtime.prediction.request import Job, Request, open_tables
from dlc.runtime.training.signals import SIGNALS

_NUMBER = ":number"
#: A batch of Ray's: columns of one value each.
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads stretches of tables, each as chunks of whole batches. `columns` are those of each
    table that are read."""

    request: Request
    columns: tuple[tuple[str, ...], ...]
    size: int
    chunk_rows: int

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[Row]:
        """The chunks of a stretch: `file`, the rows `after` it begins, and `last`, 0 where it
        goes to the end of its table."""
        file, after, last = (int(batch[name][0]) for name in ("file", "after", "last"))
        try:
            yield from self._chunks(file, after, last)
        except Failure as error:
            yield _row(file=file, error=_told(error))

    def _chunks(self, file: int, after: int, last: int) -> Iterator[Row]:
        request = self.request
        table = open_tables(request.data, request.source, request.delimiter)[file]
        table.skip = request.skip
        done = Ranges()
        done.add(1, after)
        held: list[Batch] = []
        for batch in batches(table, self.columns[file], self.size, done=done, last=last or None):
            held.append(batch)
            if batch.final or batch.last - held[0].first + 1 >= self.chunk_rows:
                # Where a stretch ends before its table, there is more to come.
                yield _packed(file, held, final=batch.final and not last)
                held = []


class Answerer:
    """An actor: answers for chunks, as the parts that are written."""

    def __init__(self, request: Request, format: Format) -> None:
        self.job = Job(request)
        self.format = format

    def __call__(self, batch: Mapping[str, Any]) -> Row:
        row = {name: values[0] for name, values in batch.items()}
        if row["error"]:
            return _row(**row)
        try:
            return self._answered(row)
        except Failure as error:
            return _row(file=int(row["file"]), error=_told(error))

    def _answered(self, row: Mapping[str, Any]) -> Row:
        file, tables = int(row["file"]), []
        skipped: list[Skipped] = []
        for batch in _unpacked(row, self.job.size):
            answered = self.job.answered(file, batch)
            skipped += answered.skipped
            if answered.table is not None:
                tables.append(answered.table)
        table = pa.concat_tables(tables, promote_options="permissive") if tables else None
        return _row(
            file=file,
            first=int(row["first"]),
            last=int(row["last"]),
            final=bool(row["final"]),
            rows=table.num_rows if table is not None else 0,
            content=self.format.encode(table) if table is not None else b"",
            schema=table.schema.serialize().to_pybytes() if table is not None else b"",
            skipped=json.dumps([asdict(each) for each in skipped]),
        )


def stretches(job: Job, folder: PartFolder, rows: int) -> list[Row]:
    """What is to be read: of tables whose rows can be reached from the middle, stretches of
    about `rows`."""
    found = []
    for file, table in enumerate(job.tables):
        if folder.end(file) is not None:
            continue
        after = folder.done(file).prefix
        stored = table.stored() if table.passes(1 << 62) else None
        total = sum(stored.rows) if stored is not None else 0
        step = max(1, rows // job.size) * job.size
        while total - after > step:
            last = after - after % job.size + step
            if any(row not in folder.done(file) for row in range(after + 1, last + 1, job.size)):
                found.append({"file": file, "after": after, "last": last})
            after = last
        found.append({"file": file, "after": after, "last": 0})
    return found


def answer(job: Job, folder: PartFolder, stop: Asked, tell: Tell, chunk_rows: int | None) -> bool:
    """Answers for all rows that the folder has no answers for, on the cluster at `RAY_ADDRESS`
    or on this machine; gives whether that came to its end. Raises what reading and answering
    raise; what came before stays in the folder."""
    import ray
    import ray.data

    rows = chunk_rows or job.chunk_rows
    reader = Reader(
        request=job.request,
        columns=tuple(tuple(job.columns(index)) for index in range(len(job.tables))),
        size=job.size,
        chunk_rows=rows,
    )
    _be_quiet()
    with _own_signals():
        ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="error")
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        # What is answered is to be kept soon, and not when Ray has gathered its 128 MiB.
        context.target_max_block_size = 1 << 20
        # One processor is left to those that read.
        actors = max(1, int(ray.cluster_resources().get("CPU", 2)) - 1)
        found = (
            ray.data.from_items(stretches(job, folder, 16 * rows))
            # Another share of a processor, so that Ray does not make one task of reading and
            # answering: a file that one task has to read is answered by many.
            .map_batches(reader, batch_size=1, batch_format="numpy", num_cpus=0.5)
            .map_batches(
                Answerer,
                fn_constructor_args=(job.request, folder.format),
                batch_size=1,
                batch_format="numpy",
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
                num_cpus=1,
            )
        )
        return _kept(found.iter_rows(), folder, stop, tell)
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Within it signals may be taken by others; what they did before they do again after. Ray
    makes SIGTERM end the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _be_quiet() -> None:
    """What Ray tells of its plans is not for those who wait for answers."""
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _kept(found: Any, folder: PartFolder, stop: Asked, tell: Tell) -> bool:
    for row in found:
        if row["error"]:
            raise _raised(row["error"])
        file, first, last = int(row["file"]), int(row["first"]), int(row["last"])
        final = bool(row["final"])
        if first in folder.done(file) and not final:
            # Answered by an earlier run, in the middle of what is left.
            continue
        skipped = [Skipped(**each) for each in json.loads(row["skipped"])]
        part = Part(
            file=file,
            first=first,
            last=last,
            rows=int(row["rows"]),
            final=final,
            skipped=len(skipped),
        )
        schema = pa.ipc.read_schema(pa.py_buffer(row["schema"])) if row["schema"] else None
        folder.add_encoded(part, bytes(row["content"]), schema)
        tell(file, part.rows, skipped)
        if stop.requested:
            return False
    return True


# ── between processes ────────────────────────────────────────────────────────


def _row(**values: Any) -> Row:
    """Every row has the same columns, so that Ray can put rows of all kinds together."""
    usual: Row = {
        "file": 0,
        "first": 0,
        "last": 0,
        "rows": 0,
        "final": False,
        "content": b"",
        "schema": b"",
        "skipped": "[]",
        "error": "",
    }
    return {name: [values.get(name, value)] for name, value in usual.items()}


def _packed(file: int, held: list[Batch], *, final: bool) -> Row:
    rows = pa.concat_tables([batch.rows for batch in held], promote_options="permissive")
    numbers = np.concatenate([batch.numbers for batch in held])
    if len(numbers):
        rows = rows.append_column(_NUMBER, pa.array(numbers))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    skipped = [asdict(row) for batch in held for row in batch.skipped]
    return _row(
        file=file,
        first=held[0].first,
        last=held[-1].last,
        final=final,
        rows=len(numbers),
        content=sink.getvalue().to_pybytes(),
        skipped=json.dumps(skipped),
    )


def _unpacked(row: Mapping[str, Any], size: int) -> Iterator[Batch]:
    """The batches of a chunk, as they were cut."""
    table = pa.ipc.open_stream(bytes(row["content"])).read_all()
    skipped = [Skipped(**each) for each in json.loads(row["skipped"])]
    numbers = np.zeros(0, np.int64)
    if int(row["rows"]):
        numbers = table.column(_NUMBER).to_numpy()
        table = table.drop_columns([_NUMBER])
    first, last = int(row["first"]), int(row["last"])
    start = first
    while start <= last or start == first:
        stop = min(last, start - (start - 1) % size + size - 1)
        places = np.flatnonzero((numbers >= start) & (numbers <= stop))
        yield Batch(
            first=start,
            last=stop,
            numbers=numbers[places],
            rows=table.take(pa.array(places)),
            skipped=tuple(each for each in skipped if start <= each.row <= stop),
        )
        start = stop + 1


def _told(error: Failure) -> str:
    """A failure as text: what Ray carries loses its class."""
    found = error.diagnostic
    return json.dumps(
        {
            "number": found.code.number,
            "message": found.message,
            "notes": list(found.notes),
            "help": found.help,
            "exit_code": error.exit_code,
        }
    )


def _raised(text: str) -> Failure:
    told = json.loads(text)
    return failure(
        told["number"],
        told["message"],
        notes=tuple(told["notes"]),
        help=told["help"],
        exit_code=told["exit_code"],
    )
