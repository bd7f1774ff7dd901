"""`dlc predict`: what a model file answers for the rows of a table."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.compiler.cli.output import add_common, report
from dlc.runtime.bundle.opening import find_model
from dlc.runtime.cli.providers import add_provider
from dlc.runtime.data.columns import bind
from dlc.runtime.data.splits import PARTS
from dlc.runtime.data.tables import Table
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.answers import AnswerFile, plain
from dlc.runtime.inference.evaluator import choose_rows, predictor_subject
from dlc.runtime.inference.predictor import Answers, Predictor, open_data

_SHOWN = 10


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc predict model.onnx digits.parquet -o answers.csv
         dlc predict model.onnx digits.parquet --keep label   (shows ten rows)

Needs no PyTorch. Files of any size are read in chunks; the order is kept."""
    parser.add_argument("model", metavar="MODEL", help="an ONNX file, a bundle, or an exported run")
    parser.add_argument("data", metavar="DATA", help="csv, tsv, jsonl or parquet")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write all answers: csv, tsv, jsonl or parquet"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="put a column of the data beside the answers",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="answer for N rows at most")
    parser.add_argument(
        "--split",
        choices=PARTS,
        metavar="PART",
        help="train, validation, test: those rows of the training data",
    )
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="rows at a time (default: by their size)"
    )
    add_provider(parser)
    add_common(parser, formats=("text", "json"), lints=False)


def positive(text: str) -> int:
    """A whole number above 0, for argparse."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number above 0")
    return value


def run(arguments: argparse.Namespace) -> int:
    _refuse_overwriting(arguments)
    predictor = Predictor(
        path=find_model(Path(arguments.model)),
        provider=arguments.provider,
        strict=arguments.strict,
    )
    table = open_data(Path(arguments.data))
    for name in arguments.keep:
        if arguments.keep.count(name) > 1:
            raise failure("E0311", f"`--keep {name}` is given twice", exit_code=2)
    limit = arguments.limit
    if limit is None and arguments.output is None and arguments.format == "text":
        limit = _SHOWN
    began = time.perf_counter()
    only, truth = _part(arguments, predictor, table) if arguments.split else (None, ())
    answers = predictor.answers(
        table,
        batch_size=arguments.batch_size,
        limit=limit,
        only=only,
        keep=tuple(dict.fromkeys((*arguments.keep, *truth))),
    )
    record: dict[str, Any] = {"model": arguments.model, "data": arguments.data}
    if arguments.output is not None:
        rows = _write(answers, predictor, Path(arguments.output))
        record |= {"output": arguments.output, "rows": rows}
        text = f"wrote {shown(Path(arguments.output))}: {_rows(rows)}"
    else:
        found = list(_as_rows(answers, predictor))
        rows = len(found)
        record |= {"rows": rows, "predictions": found}
        text = _table(found) if found else "no rows"
        if limit is not None and rows == limit and arguments.limit is None:
            text += f"\nthe first {_rows(rows)}; `-o answers.csv` writes all"
    seconds = time.perf_counter() - began
    record |= {"provider": predictor.session.provider, "seconds": round(seconds, 3)}
    text += f"\n{predictor.session.note}, {_rows(rows)} in {seconds:.2g} s"
    return report((), arguments, "predict", record, answer=text)


def _part(
    arguments: argparse.Namespace, predictor: Predictor, table: Table
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """The rows of a part, and the columns of their true values."""
    subject = predictor_subject(predictor)
    made = subject.made
    if made is not None and made.regroups:
        raise failure(
            "E0311",
            f"`--split` takes rows of the file, and `{made.objective}` makes samples of them",
            help="leave `--split` out; `dlc evaluate` measures a part",
            exit_code=2,
        )
    samples, _, places = choose_rows(subject, Path(arguments.data), arguments.split)
    data = subject.compilation.settings.data
    assert data is not None
    filled = made.filled if made is not None else frozenset()
    targets = {n: t for n, t in subject.compilation.program.targets if n not in filled}
    bindings = bind(targets, data.columns, table.names, table.path)
    return samples.rows[places], tuple(c for binding in bindings for c in binding.columns)


def _refuse_overwriting(arguments: argparse.Namespace) -> None:
    if arguments.output is None or not Path(arguments.output).exists():
        return
    for name in (arguments.model, arguments.data):
        if Path(name).exists() and Path(name).samefile(arguments.output):
            raise failure(
                "E0611",
                f"the answers would replace `{shown(name)}`, which they are made from",
                help="give `-o` another name",
                exit_code=2,
            )


def _write(answers: Iterator[Answers], predictor: Predictor, out: Path) -> int:
    with AnswerFile(out) as file:
        for part in answers:
            file.write(part.columns(predictor.info.labels))
        if file.rows == 0:
            raise failure("E0604", "the data has no rows", help="give a table with rows")
        return file.rows


def _as_rows(answers: Iterator[Answers], predictor: Predictor) -> Iterator[dict[str, Any]]:
    for part in answers:
        columns = {
            name: values.to_pylist() for name, values in part.columns(predictor.info.labels).items()
        }
        for index, number in enumerate(part.numbers.tolist()):
            row = {name: plain(values[index]) for name, values in columns.items()}
            yield {"row": number, **row}


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows under their names; classes that never come near are left to `-o`."""
    names = [name for name in rows[0] if "probability_" not in name]
    if len(names) < 2:
        names = list(rows[0])[:12]
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
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
