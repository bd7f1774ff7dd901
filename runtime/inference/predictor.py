"""Answers of a model file for rows of a table, in chunks, without torch."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.sources.base import for_path
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.columns import Binding, bind
from dlc.runtime.data.formats.idx import IdxTable
from dlc.runtime.data.tables import Skipped, Table, open_table
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.answer_columns import Wanted, answer_columns
from dlc.runtime.inference.feeding import Columns, Feeding
from dlc.runtime.inference.rows import row_values
from dlc.runtime.inference.session import Array, ModelSession, open_model

_MOST_ROWS = 1024
_BATCH_BYTES = 16 << 20

_DTYPES = {
    "float": DType.FLOAT32,
    "double": DType.FLOAT64,
    "float16": DType.FLOAT16,
    "int64": DType.INT64,
    "int32": DType.INT32,
    "int16": DType.INT16,
    "int8": DType.INT8,
    "uint8": DType.UINT8,
    "bool": DType.BOOL,
    "string": DType.STRING,
}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The outputs for some rows of a table. `numbers` are the rows, from 1; `kept` are
    columns of the table."""

    numbers: npt.NDArray[np.int64]
    outputs: Mapping[str, Array]
    kept: pa.Table

    def columns(self, labels: Mapping[str, Sequence[str]]) -> dict[str, pa.Array]:
        """As columns of a table: the kept ones, then for each output `label`, `probability`
        of that label, `probability_<class>`, or its plain numbers. With several outputs
        each name begins with the output's."""
        return answer_columns(self.outputs, labels, self.kept_columns(), Wanted(usual=True))

    def kept_columns(self) -> dict[str, pa.Array]:
        return {name: self.kept.column(name).combine_chunks() for name in self.kept.column_names}


@dataclass(kw_only=True)
class Predictor:
    """A model file that answers for tables. `provider`, `strict` and raised failures are those
    of `open_model`."""

    path: Path
    provider: str = "auto"
    strict: bool = False
    session: ModelSession = field(init=False)
    info: ModelInfo = field(init=False)
    types: dict[str, TensorType] = field(init=False)
    feeding: Feeding = field(init=False)

    def __post_init__(self) -> None:
        self.session = self.open()
        self.info = ModelInfo.read(self.session.metadata, shown(self.path))
        self.types = {
            name: _type(name, element, dims, self.path)
            for name, (element, dims) in self.session.inputs.items()
        }
        self.feeding = Feeding(self.info.inputs)

    def open(self) -> ModelSession:
        """The session that answers."""
        return open_model(self.path, self.provider, strict=self.strict)

    def bindings(
        self, table: Table, types: Mapping[str, TensorType] | None = None
    ) -> tuple[Binding, ...]:
        """The columns of each input: those that the model was trained on. `types` are those that
        a row gives; where absent, what the file takes. Raises `Failure` E0605 for a column
        that is missing."""
        found = []
        for name, taken in (self.types if types is None else types).items():
            if self.feeding.fills(name):
                continue
            type_ = self.feeding.declared(name, taken)
            known = self.info.inputs.get(name)
            # A host step takes texts or whole numbers; the file itself takes one of them.
            numbered = known is not None and known.categories and bool(known.host)
            columns = known.columns if known else (name,)
            # One by one, so that a missing column is named by itself.
            parts = [
                bind({name: type_}, {name: column}, table.names, table.path)[0]
                for column in columns
            ]
            shape = tuple(dim if isinstance(dim, int) else None for dim in type_.shape[1:])
            found.append(
                Binding(
                    name=name,
                    columns=tuple(part.columns[0] for part in parts),
                    declared=type_,
                    shape=shape,
                    raw=None if numbered else type_.dtype,
                    categories=numbered,
                    missing=known is not None and known.missing,
                    joins=known.joins if known else None,
                    checks=known.host if known and _refuses(known.host) else (),
                )
            )
        return tuple(found)

    def answers(
        self,
        table: Table,
        *,
        batch_size: int | None = None,
        limit: int | None = None,
        only: npt.NDArray[np.int64] | None = None,
        keep: Sequence[str] = (),
    ) -> Iterator[Answers]:
        """The answers for the rows of a table in their order, a batch at a time; for the rows
        `only`, ascending from 1, where they are given. Rows that a table which skips cannot
        give, or that no input takes, are left out."""
        bindings = self.bindings(table)
        wanted = [column for binding in bindings for column in binding.columns]
        size = batch_size or self.batch_rows()
        if limit is not None and only is not None:
            only = only[:limit]
        last = int(only[-1]) if only is not None and len(only) else limit
        columns = [*wanted, *_kept(keep, table)]
        for found, chunk in table.numbered(columns, min(size, limit or size)):
            places = np.flatnonzero(
                np.isin(found, only) if only is not None else found <= (last or found[-1])
            )
            yield from self.answers_to(
                table, chunk.take(pa.array(places)), found[places], bindings, keep
            )
            if last is not None and found[-1] >= last:
                return

    def answers_to(
        self,
        table: Table,
        rows: pa.Table,
        numbers: npt.NDArray[np.int64],
        bindings: Sequence[Binding],
        keep: Sequence[str] = (),
        lost: dict[int, Skipped] | None = None,
    ) -> Iterator[Answers]:
        """The answers for `rows`, whose numbers in the table are `numbers`, in their order.
        Rows that a table which skips cannot answer for are put into `lost`."""
        for given in row_values(table, rows, numbers, bindings, self.feeding.through, lost):
            yield Answers(
                numbers=numbers[given.places],
                outputs=self.run(given.values, len(given.places), given.prepared),
                kept=rows.take(pa.array(given.places)).select(list(dict.fromkeys(keep))),
            )

    def run(
        self, values: Mapping[str, Array], rows: int, prepared: Collection[str] = ()
    ) -> dict[str, Array]:
        """The outputs for the raw values of `rows` rows, as columns hold them; those of
        `prepared` are behind their host steps."""
        return self.run_columns(self.feeding.columns(values, prepared), rows)

    def run_columns(self, columns: Columns, rows: int) -> dict[str, Array]:
        """The outputs for columns that are behind their host steps."""
        found = [
            (places, self.run_batch(feeds, len(places)))
            for places, feeds in self.feeding.batches(columns, rows, whole=self.longer_outputs())
        ]
        # Back into the order of the rows.
        order = np.argsort(np.concatenate([places for places, _ in found]))
        if len(found) == 1 and np.array_equal(order, np.arange(rows)):
            return found[0][1]
        return {
            name: np.concatenate([outputs[name] for _, outputs in found])[order]
            for name in found[0][1]
        }

    def longer_outputs(self) -> bool:
        """Whether the lengths of rows are sizes of the answers, which then want one length."""
        return any(
            not isinstance(dim, int)
            for output in self.session.session.get_outputs()
            for dim in output.shape[1:]
        )

    def run_batch(self, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
        """The outputs for one batch, in pieces where the file has one of a fixed size."""
        fixed = self.fixed_batch()
        if fixed is None:
            return self.session.run(feeds)
        parts: list[dict[str, Array]] = []
        for start in range(0, rows, fixed):
            piece = {name: values[start : start + fixed] for name, values in feeds.items()}
            missing = fixed - min(fixed, rows - start)
            if missing:
                piece = {
                    name: np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
                    for name, values in piece.items()
                }
            parts.append(self.session.run(piece))
        return {name: np.concatenate([part[name] for part in parts])[:rows] for name in parts[0]}

    def batch_rows(self) -> int:
        """Rows a batch whose inputs take some megabytes: enough to keep a processor busy."""
        fixed = self.fixed_batch()
        if fixed is not None:
            return fixed
        row_bytes = sum(
            type_.dtype.bytes * math.prod(d if isinstance(d, int) else 256 for d in type_.shape[1:])
            for type_ in self.types.values()
        )
        return max(1, min(_MOST_ROWS, _BATCH_BYTES // max(row_bytes, 1)))

    def fixed_batch(self) -> int | None:
        """The size of batch that the file has; None where it takes any."""
        sizes = [type_.shape[0] for type_ in self.types.values() if type_.rank]
        return next((size for size in sizes if isinstance(size, int)), None)


def open_data(path: Path, source: str | None = None, delimiter: str | None = None) -> Table:
    """A table as the source component `source`, by default that of its suffix, reads it.
    Raises `Failure` E0604, E0602, E0611."""
    if source is None:
        found = for_path(str(path))
        if found is None:
            raise failure(
                "E0604",
                f"the suffix of `{shown(path)}` tells no format",
                help="name the file by its format, such as `.csv`, `.jsonl.gz` or `.parquet`",
            )
        source = found.name
    if source == "idx" and "images-idx3" in path.name:
        labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        return IdxTable(path, labels if labels.exists() else None)
    return open_table(path, source, delimiter=delimiter)


def _type(name: str, element: str, dims: tuple[int | str, ...], path: Path) -> TensorType:
    dtype = _DTYPES.get(element.removeprefix("tensor(").removesuffix(")"))
    if dtype is None or not dims:
        raise failure(
            "E0610",
            f"the input `{name}` of `{shown(path)}` is `{element}`, which no column can fill",
            help="give an input with a batch of numbers, flags or texts",
        )
    # A nameless size is None; all that matters here is that rows decide it.
    shape = [dim if isinstance(dim, int) else symbol(str(dim)) for dim in dims]
    return TensorType(dtype, tuple(shape))


def _refuses(steps: Sequence[Preprocess]) -> bool:
    """Whether a step that runs here takes some values only."""
    return any(step.partial for step in steps)


def _kept(keep: Sequence[str], table: Table) -> list[str]:
    """The columns to keep, each of which must be there."""
    nothing = TensorType(DType.STRING, (symbol("N"),))
    for name in keep:
        bind({name: nothing}, {}, table.names, table.path)
    return list(keep)
