"""`dlc predict`: what a model file answers for the rows of tables."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlc.compiler.cli.output import add_common, report
from dlc.compiler.components.registry import names
from dlc.runtime.bundle.opening import find_model
from dlc.runtime.cli.providers import add_provider
from dlc.runtime.data.formats.base import Skipped, place_text
from dlc.runtime.data.skipping import LISTED
from dlc.runtime.data.splits import PARTS
from dlc.runtime.export.precision.report import told
from dlc.runtime.failures import USAGE, failure, shown
from dlc.runtime.inference.answer_columns import Wanted
from dlc.runtime.inference.answers import plain
from dlc.runtime.prediction.encoding import format_of
from dlc.runtime.prediction.local import Tell, answer
from dlc.runtime.prediction.parts import PartFolder, open_parts
from dlc.runtime.prediction.progress import Ticker
from dlc.runtime.prediction.request import Job, Request
from dlc.runtime.prediction.sizes import rows_of
from dlc.runtime.training.signals import Stop, stop_on_signals
from dlc.runtime.training.storage import replace_file

_SHOWN = 10
#: What needs more than a path.
_NOT_BY_PATH = ("hugging_face", "parallel_text")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc predict model.onnx digits.parquet -o answers.csv
         dlc predict model.onnx digits.parquet --keep label   (shows ten rows)
         dlc predict model.onnx 'rows/*.csv.gz' -o all.parquet --resume
         dlc predict model.onnx pictures -o o.csv --what label,features=conv2

Data of any size is read in chunks; the order is kept. Until all is answered the answers
are in `FILE.parts`: after a kill, SIGTERM (exit 143) or Ctrl-C (130) the same command
with `--resume` goes on, and the file is the same byte for byte."""
    parser.add_argument("model", metavar="MODEL", help="an ONNX file, a bundle, or an exported run")
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="+",
        help="csv, tsv, jsonl, txt (or .gz, .zst), parquet, arrow, npz, idx, a folder of images; "
        "several, or a quoted glob",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write all answers: csv, tsv, jsonl or parquet"
    )
    parser.add_argument(
        "--what",
        action="append",
        default=[],
        metavar="NAMES",
        help="label, probabilities, outputs, features=NODE, all, or several with commas "
        "(default: label and probabilities)",
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="put a column of the data beside the answers",
    )
    parser.add_argument(
        "--numbers", action="store_true", help="put the number of the row, and its file, first"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="answer for N rows at most")
    parser.add_argument(
        "--split",
        choices=PARTS,
        metavar="PART",
        help="train, validation, test: those of the training data",
    )
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="rows at a time (default: by their size)"
    )
    add_provider(parser)
    reading = parser.add_argument_group("reading")
    reading.add_argument(
        "--source",
        choices=[name for name in names("source") if name not in _NOT_BY_PATH],
        metavar="NAME",
        help="csv, json_lines, ...: where no suffix tells the format",
    )
    reading.add_argument("--delimiter", metavar="C", help="what separates the values of a CSV")
    reading.add_argument(
        "--on-bad-sample",
        choices=("fail", "skip"),
        default="fail",
        metavar="DO",
        help="fail, skip: at a row that cannot be read (default: fail)",
    )
    writing = parser.add_argument_group("long runs")
    writing.add_argument(
        "--resume",
        action="store_true",
        help="go on, or begin, or do nothing once all is done",
    )
    writing.add_argument(
        "--chunk-rows",
        type=positive,
        metavar="N",
        help="save every N rows (default: every ten seconds, or 64 MiB)",
    )
    writing.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        metavar="NAME",
        help="local, or ray: a Ray cluster (default: local)",
    )
    add_common(parser, formats=("text", "json"), lints=False)


def positive(text: str) -> int:
    """A whole number above 0, for argparse."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number above 0")
    return value


def run(arguments: argparse.Namespace) -> int:
    _refuse_contradictions(arguments)
    if arguments.output is None:
        return _show(arguments)
    return _write(arguments)


def _precision_told(job: Job) -> list[str]:
    precision = job.predictor.info.precision
    return [told(precision)] if precision else []


def _request(arguments: argparse.Namespace, limit: int | None) -> Request:
    out = Path(arguments.output) if arguments.output is not None else None
    return Request(
        model=find_model(Path(arguments.model)),
        data=tuple(arguments.data),
        source=arguments.source,
        delimiter=arguments.delimiter,
        provider=arguments.provider,
        strict=arguments.strict,
        batch_size=arguments.batch_size,
        what=Wanted.read(arguments.what),
        keep=tuple(arguments.keep),
        numbers=arguments.numbers or out is None,
        skip=arguments.on_bad_sample == "skip",
        limit=limit,
        split=arguments.split,
        lists=out is None or out.suffix.lower() not in (".csv", ".tsv"),
    )


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    for name in arguments.keep:
        if arguments.keep.count(name) > 1:
            raise failure("E0311", f"`--keep {name}` is given twice", exit_code=USAGE)
    if arguments.delimiter is not None and len(arguments.delimiter) != 1:
        raise failure("E0311", "`--delimiter` is one character", exit_code=USAGE)
    if arguments.executor == "ray":
        for option in ("limit", "split"):
            if getattr(arguments, option) is not None:
                raise failure(
                    "E0311",
                    f"`--{option}` and `--executor ray` do not go together",
                    help="so few rows are sooner answered without Ray",
                    exit_code=USAGE,
                )
    if arguments.output is None:
        given = {
            "resume": arguments.resume,
            "chunk-rows": arguments.chunk_rows is not None,
            "executor": arguments.executor != "local",
        }
        for option, set in given.items():
            if set:
                raise failure(
                    "E0311",
                    f"`--{option}` says how answers are written, and none are",
                    help="add `-o answers.parquet`",
                    exit_code=USAGE,
                )
        return
    out = Path(arguments.output)
    format_of(out)
    if out.is_dir():
        raise failure("E0611", f"`{shown(out)}` is a folder", exit_code=USAGE)
    for name in (arguments.model, *arguments.data):
        if out.exists() and Path(name).exists() and Path(name).samefile(out):
            raise failure(
                "E0611",
                f"the answers would replace `{shown(name)}`, which they are made from",
                help="give `-o` another name",
                exit_code=USAGE,
            )


# ── into a file ──────────────────────────────────────────────────────────────


class _Told:
    """Follows an answering: the line in the terminal, and the rows that were left out."""

    def __init__(self, job: Job, ticker: Ticker) -> None:
        self.job, self.ticker = job, ticker
        self.skipped: list[tuple[int, Skipped]] = []

    def __call__(self, table: int, rows: int, skipped: Sequence[Skipped]) -> None:
        self.ticker.advance(rows)
        self.skipped += [(table, row) for row in skipped[: LISTED - len(self.skipped)]]

    def lines(self, count: int) -> list[str]:
        if not count:
            return []
        found = [f"left out {_rows(count)}:"]
        for table, row in self.skipped:
            place = place_text(self.job.tables[table].origin, row.row, row.column)
            found.append(f"  {place}: {row.reason}")
        if count > len(self.skipped):
            found.append(f"  and {count - len(self.skipped):,} more")
        return found

    def record(self, count: int) -> dict[str, Any]:
        rows = []
        for table, row in self.skipped:
            file = shown(self.job.tables[table].path)
            where = {"file": file, "row": row.row, "column": row.column, "reason": row.reason}
            rows.append({key: value for key, value in where.items() if value is not None})
        return {"count": count, "rows": rows}


def _write(arguments: argparse.Namespace) -> int:
    out, began = Path(arguments.output), time.perf_counter()
    job = Job(_request(arguments, arguments.limit))
    format = format_of(out)
    identity = job.identity(format.suffix)
    done = _finished(out, identity) if arguments.resume else None
    if done is not None:
        record = {**_record(arguments, job), "rows": done["rows"], "output": arguments.output}
        text = f"{shown(out)} is complete already: {_rows(done['rows'])}"
        return report((), arguments, "predict", record, answer=text)
    _make_folder(out)
    with (
        stop_on_signals() as stop,
        open_parts(out, format, identity, resume=arguments.resume) as folder,
    ):
        before = folder.rows
        ticker = Ticker(sys.stderr if arguments.format == "text" else None, rows_of(job), before)
        told = _Told(job, ticker)
        try:
            ended = _executor(arguments.executor)(job, folder, stop, told, arguments.chunk_rows)
        finally:
            ticker.stop()
        record = {
            **_record(arguments, job),
            "output": arguments.output,
            "rows": folder.rows,
            "resumed": before,
            "signal": None if ended else stop.name,
            "skipped": told.record(folder.skipped),
            "seconds": round(time.perf_counter() - began, 3),
        }
        lines = told.lines(folder.skipped)
        if not ended:
            return _stopped(arguments, folder, stop, record)
        if folder.rows == 0:
            folder.parts.clear()
            raise failure("E0604", "the data has no rows", help="give a table with rows")
        digest = folder.join()
        if arguments.resume:
            finished = {**identity, "rows": folder.rows, "sha256": digest}
            text = json.dumps(finished, indent=2, ensure_ascii=False) + "\n"
            replace_file(_record_of(out), text.encode())
        folder.remove()
    new = record["rows"] - before
    lines.append(f"wrote {shown(out)}: {_rows(record['rows'])}")
    lines.append(f"{job.predictor.session.note}, {_rows(new)} in {record['seconds']:.2g} s")
    lines += _precision_told(job)
    return report((), arguments, "predict", record, answer="\n".join(lines))


def _executor(name: str) -> Callable[[Job, PartFolder, Stop, Tell, int | None], bool]:
    if name == "local":
        return answer
    from dlc.runtime.prediction import ray_data

    return ray_data.answer


def _record(arguments: argparse.Namespace, job: Job) -> dict[str, Any]:
    data = arguments.data[0] if len(arguments.data) == 1 else arguments.data
    return {
        "model": arguments.model,
        "data": data,
        "provider": job.predictor.session.provider,
    }


def _stopped(
    arguments: argparse.Namespace, folder: PartFolder, stop: Stop, record: Mapping[str, Any]
) -> int:
    text = (
        f"stopped by {stop.name}: {_rows(folder.rows)} answered, kept in `{shown(folder.path)}`\n"
        "the same command with `--resume` goes on"
    )
    report((), arguments, "predict", record, answer=text)
    return stop.exit_code


def _make_folder(out: Path) -> None:
    from dlc.runtime.failures import io_failure

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise io_failure("cannot write", out, error) from None


def _record_of(out: Path) -> Path:
    """What `--resume` leaves beside answers that are complete."""
    return out.with_name(f"{out.name}.json")


def _finished(out: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of answers that are complete and those that are asked for."""
    import hashlib

    try:
        record = json.loads(_record_of(out).read_bytes())
        if any(record[key] != value for key, value in identity.items()):
            return None
        with out.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == record["sha256"]
        return dict(record) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


# ── to the terminal ──────────────────────────────────────────────────────────


def _show(arguments: argparse.Namespace) -> int:
    limit = arguments.limit
    if limit is None and arguments.format == "text":
        limit = _SHOWN
    job, began = Job(_request(arguments, limit)), time.perf_counter()
    told = _Told(job, Ticker(None, None))
    count = 0
    found = []
    for row, skipped in _as_rows(job, told):
        count += skipped
        found += [row] if row is not None else []
    seconds = time.perf_counter() - began
    record = {
        **_record(arguments, job),
        "rows": len(found),
        "predictions": found,
        "seconds": round(seconds, 3),
    }
    if count:
        record["skipped"] = told.record(count)
    text = _table(found) if found else "no rows"
    if limit is not None and len(found) == limit and arguments.limit is None:
        text += f"\nthe first {_rows(limit)}; `-o answers.csv` writes all"
    text = "\n".join((*told.lines(count), text))
    text += f"\n{job.predictor.session.note}, {_rows(len(found))} in {seconds:.2g} s"
    text = "\n".join([text, *_precision_told(job)])
    return report((), arguments, "predict", record, answer=text)


def _as_rows(job: Job, told: _Told) -> Iterator[tuple[dict[str, Any] | None, int]]:
    """The rows that are answered, and how many were left out before them."""
    left = job.limit
    for index in range(len(job.tables)):
        if left is not None and left <= 0:
            return
        for batch in job.batches(index, last=left):
            answered = job.answered(index, batch)
            told(index, 0, answered.skipped)
            yield None, len(answered.skipped)
            for row in answered.table.to_pylist() if answered.table is not None else ():
                yield {name: plain(value) for name, value in row.items()}, 0
            if batch.final and left is not None:
                left -= batch.last


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows under their names; classes that never come near are left to `-o`."""
    columns = [name for name in rows[0] if "probability_" not in name]
    if len(columns) < 2:
        columns = list(rows[0])[:12]
    cells = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 32 else text[:29] + "..."


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
