"""What is asked of a model: for which tables, which answers, how they are cut."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.columns import bind
from dlc.runtime.data.formats.base import Skipped, Table
from dlc.runtime.failures import USAGE, failure, io_failure, shown
from dlc.runtime.inference.answer_columns import Wanted, answer_columns, refuse_lacking
from dlc.runtime.inference.evaluator import choose_rows, predictor_subject
from dlc.runtime.inference.features import OUTPUT, FeatureExtractor, feature_columns, read_nodes
from dlc.runtime.inference.inner_values import chosen_value
from dlc.runtime.inference.model_files import external_tensors, load_proto
from dlc.runtime.inference.predictor import Answers, Predictor, open_data
from dlc.runtime.prediction.batches import Batch, batches
from dlc.runtime.prediction.ranges import Ranges

_GLOB = frozenset("*?[")
# A part is some seconds of work or so many bytes, whatever comes first.
_CHUNK_BYTES = 64 << 20
_ANY = TensorType(DType.STRING, (symbol("N"),))


@dataclass(frozen=True, kw_only=True)
class Request:
    """As the command line has it. `lists` says that what is written can hold lists."""

    model: Path
    data: tuple[str, ...]
    source: str | None = None
    delimiter: str | None = None
    provider: str = "auto"
    strict: bool = False
    batch_size: int | None = None
    what: Wanted = field(default_factory=lambda: Wanted(usual=True))
    keep: tuple[str, ...] = ()
    numbers: bool = False
    skip: bool = False
    limit: int | None = None
    split: str | None = None
    lists: bool = True


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The answers for a batch: columns that stand beside each other, and the rows that have
    none."""

    table: pa.Table | None
    skipped: tuple[Skipped, ...]


class Job:
    """A request with its model and its tables open. Raises what opening them raises, and
    `Failure` E0605 where a table lacks a column, E0943 for answers that the model lacks."""

    def __init__(self, request: Request) -> None:
        self.request = request
        what = request.what
        self.predictor, self.node = _predictor(request)
        refuse_lacking(self.predictor.session.outputs, what)
        self.tables = open_tables(request.data, request.source, request.delimiter)
        for table in self.tables:
            table.skip = request.skip
        self.truth: tuple[str, ...] = ()
        self.only: npt.NDArray[np.int64] | None = None
        #: How many rows are wanted at most, of all that the tables have.
        self.limit = request.limit
        if request.split is not None:
            part, self.truth = self._part(request.split)
            self.only = part[: self.limit]
            self.limit = None
        self.keep = tuple(dict.fromkeys((*request.keep, *self.truth)))
        for table in self.tables:
            for name in self.keep:
                # Refused before anything is answered, with a name that is near.
                bind({name: _ANY}, {}, table.names, table.path)
        self.bindings = [self.predictor.bindings(table) for table in self.tables]
        self.size = request.batch_size or self.predictor.batch_rows()

    # ── what tells one request from another ──────────────────────────────────

    def identity(self, suffix: str) -> dict[str, Any]:
        """What the answers depend on. Reads all of the data, to tell it from any other."""
        import onnxruntime

        request = self.request
        only = self.only
        return {
            "model": model_sha256(request.model),
            "data": [table.sha256() for table in self.tables],
            "what": str(request.what),
            "keep": list(request.keep),
            "numbers": request.numbers,
            "limit": self.limit,
            "split": None
            if only is None
            else hashlib.sha256(np.ascontiguousarray(only).tobytes()).hexdigest(),
            "batch": self.size,
            "provider": self.predictor.session.provider,
            "onnxruntime": onnxruntime.__version__,
            "suffix": suffix,
        }

    # ── rows and answers ─────────────────────────────────────────────────────

    def columns(self, index: int) -> list[str]:
        """What is read of a table."""
        bound = chain.from_iterable(binding.columns for binding in self.bindings[index])
        return list(dict.fromkeys((*bound, *self.keep)))

    def batches(
        self, index: int, done: Ranges | None = None, last: int | None = None
    ) -> Iterator[Batch]:
        """The batches of a table that are not done."""
        if self.only is not None and len(self.only):
            last = min(last or int(self.only[-1]), int(self.only[-1]))
        yield from batches(self.tables[index], self.columns(index), self.size, done=done, last=last)

    def answered(self, index: int, batch: Batch) -> Answered:
        """The answers for a batch of a table. Raises `Failure` E0606 for a row that no input
        takes, where rows are not skipped."""
        table, numbers, rows = self.tables[index], batch.numbers, batch.rows
        if self.only is not None:
            places = np.flatnonzero(np.isin(numbers, self.only))
            numbers, rows = numbers[places], rows.take(pa.array(places))
        lost: dict[int, Skipped] = {}
        parts = [
            self._table(index, answers)
            for answers in self.predictor.answers_to(
                table, rows, numbers, self.bindings[index], self.keep, lost
            )
        ]
        skipped = sorted((*batch.skipped, *lost.values()), key=lambda row: row.row)
        return Answered(
            table=pa.concat_tables(parts, promote_options="permissive") if parts else None,
            skipped=tuple(skipped),
        )

    def _table(self, index: int, answers: Answers) -> pa.Table:
        kept = answers.kept_columns()
        if self.request.numbers:
            places = {"row": pa.array(answers.numbers)}
            if len(self.tables) > 1:
                path = shown(self.tables[index].path)
                places["file"] = pa.array([path] * len(answers.numbers), pa.string())
            kept = {**{_free(name, kept): values for name, values in places.items()}, **kept}
        outputs = dict(answers.outputs)
        features = outputs.pop(OUTPUT, None)
        what, labels = self.request.what, self.predictor.info.labels
        columns = answer_columns(outputs, labels, kept, what) if what.answers else kept
        if features is not None:
            columns |= feature_columns(self.node, features, columns, lists=self.request.lists)
        return pa.table(columns)

    @property
    def chunk_rows(self) -> int:
        """How many rows a part has at most, a multiple of the batch: their answers and columns
        take some megabytes."""
        row = sum(
            8 * math.prod(dim if isinstance(dim, int) else 64 for dim in output.shape[1:])
            for output in self.predictor.session.session.get_outputs()
        )
        batches = max(1, _CHUNK_BYTES // max(row * self.size, 1))
        return self.size * min(batches, max(1, (1 << 18) // self.size))

    def _part(self, split: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """The rows of a part, and the columns of their true values."""
        if len(self.tables) > 1:
            raise failure(
                "E0311",
                "`--split` takes the rows of one file, and several are given",
                help="give the file that the model was trained on",
                exit_code=USAGE,
            )
        subject = predictor_subject(self.predictor)
        made = subject.made
        if made is not None and made.regroups:
            raise failure(
                "E0311",
                f"`--split` takes rows of the file, and `{made.objective}` makes samples of them",
                help="leave `--split` out; `dlc evaluate` measures a part",
                exit_code=USAGE,
            )
        (table,) = self.tables
        samples, _, places = choose_rows(subject, table.path, split)
        data = subject.compilation.settings.data
        assert data is not None
        filled = made.filled if made is not None else frozenset()
        targets = {n: t for n, t in subject.compilation.program.targets if n not in filled}
        bindings = bind(targets, data.columns, table.names, table.path)
        return samples.rows[places], tuple(c for binding in bindings for c in binding.columns)


def open_tables(
    words: Sequence[str], source: str | None = None, delimiter: str | None = None
) -> list[Table]:
    """The tables that paths and globs name, those of a glob in the order of their names.
    Raises `Failure` E0602, E0604, E0611."""
    paths: dict[str, None] = {}
    for word in words:
        found = [word]
        if _GLOB & set(word) and not Path(word).exists():
            found = sorted(glob(word, recursive=True))
            if not found:
                raise failure("E0604", f"no file matches `{word}`")
        paths |= dict.fromkeys(found)
    return [open_data(Path(path), source, delimiter) for path in paths]


def model_sha256(path: Path) -> str:
    """Tells a model from any other, its weights outside included."""
    folder = path.parent
    names = {
        entry.value
        for tensor in external_tensors(load_proto(path))
        for entry in tensor.external_data
        if entry.key == "location"
    }
    digest = hashlib.sha256()
    for file in (path, *(folder / name for name in sorted(names))):
        try:
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as error:
            raise io_failure("cannot read", file, error) from None
    return digest.hexdigest()


def _predictor(request: Request) -> tuple[Predictor, str]:
    """The predictor, and the name of the node whose features are asked for."""
    path, what = request.model, request.what
    if what.node is None:
        return Predictor(path=path, provider=request.provider, strict=request.strict), ""
    nodes, info = read_nodes(path)
    node = chosen_value(nodes, what.node or None, info)
    return (
        FeatureExtractor(
            path=path,
            provider=request.provider,
            strict=request.strict,
            node=node,
            alone=not what.answers,
        ),
        node,
    )


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name = f"data_{name}"
    return name
