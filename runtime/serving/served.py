"""A model file that answers requests: which form each input has, host steps, and the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dlc.runtime.data.columns import Binding
from dlc.runtime.data.formats.base import Rows
from dlc.runtime.data.images import pixels_of
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import Failure
from dlc.runtime.inference.feeding import Columns
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.inference.rows import row_values
from dlc.runtime.serving.batching import Batcher, Outputs
from dlc.runtime.serving.datatypes import BYTES, Array, name_of
from dlc.runtime.serving.forms import ANY, InputForm, forms_of, refuse_different, refuse_shape
from dlc.runtime.serving.held_rows import HeldRows
from dlc.runtime.serving.limits import Limits
from dlc.runtime.serving.refusals import bad, busy, late, quoted

T = TypeVar("T")

#: The only version of a model that is served.
VERSION = "1"
#: A picture becomes twelve bytes for each pixel before its steps.
MOST_PIXELS = 25_000_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of one request that can run together: their places in it and their columns."""

    places: Rows
    columns: Columns


class ServedModel:
    """One model of a server. `hosts` are the threads that do its host steps."""

    def __init__(
        self,
        name: str,
        path: Path,
        limits: Limits,
        hosts: ThreadPoolExecutor,
        provider: str,
        *,
        strict: bool = False,
    ) -> None:
        self.name = name
        self.limits = limits
        self.predictor = Predictor(path=path, provider=provider, strict=strict)
        self.forms = forms_of(self.predictor)
        self._hosts = hosts
        self._hosted = 0
        self._whole = self.predictor.longer_outputs()
        self._bindings = self._all_bindings()
        self.batcher = Batcher(
            self.predictor.run_columns,
            most=limits.batch,
            room=limits.queue,
            together=self._separable(),
        )

    @property
    def labels(self) -> Mapping[str, Sequence[str]]:
        return self.predictor.info.labels

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What columns fill, input by input."""
        return self._bindings

    def refuse_if_full(self) -> None:
        """Raises `Refusal` 503 where another request would find no room."""
        self.batcher.refuse_if_full()
        if self._hosted >= self.limits.queue:
            self.batcher.counts.refused += 1
            raise busy("too many requests wait for this model", 1)

    # ── tensors ──────────────────────────────────────────────────────────────

    async def infer(self, given: Mapping[str, Array], deadline: float) -> Outputs:
        """All outputs for tensors by input, elements of BYTES as `bytes`. `deadline` is of
        `time.monotonic`. Raises `Refusal`."""
        raw, tensors = self._sorted(given)
        if not raw:
            rows = len(next(iter(tensors.values())))
            part = Part(places=np.arange(rows, dtype=np.int64), columns=tensors)
            return await self._answered([part], rows, deadline)
        rows = len(next(iter(raw.values())))

        def prepare() -> list[Part]:
            table, bindings = self._raw_table(raw)
            return [
                replace(part, columns={**_taken(tensors, part.places, rows), **part.columns})
                for part in self._parts(table, bindings)
            ]

        return await self._answered(await self._on_host(prepare, deadline), rows, deadline)

    def _sorted(self, given: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The raw inputs, and those in the form of the file. Raises `Refusal` 400."""
        raw: dict[str, Array] = {}
        tensors: dict[str, Array] = {}
        chosen = {}
        for name, array in given.items():
            form = self.forms.inputs.get(name)
            if form is None:
                known = ", ".join(quoted(tensor.name) for tensor in self.forms.described())
                raise bad(f"{quoted(name)} is no input: the inputs are {known}")
            datatype = name_of(array)
            taken = form.tensor
            if form.raw is not None and datatype == form.raw.datatype:
                taken = form.raw
            if datatype != taken.datatype:
                either = f" or {form.raw.datatype}" if form.raw is not None else ""
                raise bad(f"input {quoted(name)} is {form.tensor.datatype}{either}, not {datatype}")
            refuse_shape(taken, array.shape, self.limits)
            chosen[name] = (taken, array.shape)
            if taken is form.raw:
                raw[name] = array
            else:
                tensors[name] = _texts(name, array) if datatype == BYTES else array
        self._refuse_incomplete(given, raw)
        refuse_different(chosen)
        return raw, tensors

    def _refuse_incomplete(self, given: Mapping[str, Array], raw: Mapping[str, Array]) -> None:
        filled = {n for name in raw for n in self.forms.inputs[name].filled}
        for name in self.forms.inputs:
            if name in filled and name in given:
                raise bad(f"input {quoted(name)} is filled from the texts: leave it out")
            if name not in filled and name not in given:
                raise bad(f"input {quoted(name)} is missing")

    def _raw_table(self, raw: Mapping[str, Array]) -> tuple[HeldRows, list[Binding]]:
        columns: dict[str, pa.Array] = {}
        bindings = []
        for binding in self._bindings:
            if binding.name not in raw:
                continue
            form, array = self.forms.inputs[binding.name], raw[binding.name]
            names = _names(binding)
            parts = [array] if len(names) == 1 else list(array.T)
            for name, part in zip(names, parts, strict=True):
                columns[name] = _arrow(binding.name, form, part)
            bindings.append(replace(binding, columns=names))
        return HeldRows(pa.table(columns)), bindings

    # ── rows of a table ──────────────────────────────────────────────────────

    async def answer_rows(self, rows: pa.Table, deadline: float) -> Outputs:
        """All outputs for rows whose columns are those of the training data. Raises `Refusal`."""

        def prepare() -> list[Part]:
            found = []
            for places in _alike(rows):
                table = HeldRows(rows if len(places) == rows.num_rows else rows.take(places))
                found += [
                    replace(part, places=places[part.places])
                    for part in self._parts(table, self._bindings)
                ]
            return found

        return await self._answered(await self._on_host(prepare, deadline), rows.num_rows, deadline)

    def _parts(self, table: HeldRows, bindings: Sequence[Binding]) -> list[Part]:
        feeding = self.predictor.feeding
        numbers = np.arange(1, table.rows.num_rows + 1, dtype=np.int64)
        found = []
        for values in row_values(table, table.rows, numbers, bindings, feeding.through):
            columns = feeding.columns(values.values, values.prepared)
            self._refuse_long(columns)
            found.append(Part(places=values.places, columns=columns))
        return found

    def _refuse_long(self, columns: Columns) -> None:
        for name, column in columns.items():
            if isinstance(column, Ragged) and column.lengths.max(initial=0) > self.limits.dim:
                raise bad(f"input {quoted(name)}: a text has more than {self.limits.dim} pieces")

    def _all_bindings(self) -> tuple[Binding, ...]:
        names: dict[str, None] = {}
        for name in self.predictor.types:
            given = self.predictor.info.inputs.get(name)
            names |= dict.fromkeys(given.columns if given is not None else (name,))
        nothing = pa.table({name: pa.nulls(0) for name in names})
        return self.predictor.bindings(HeldRows(nothing))

    # ── both ─────────────────────────────────────────────────────────────────

    async def _on_host(self, work: Callable[[], T], deadline: float) -> T:
        """The result of host steps, done in a thread. Raises `Refusal` 400 for bad values."""
        self.refuse_if_full()
        self._hosted += 1
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.get_running_loop().run_in_executor(self._hosts, work)
        except TimeoutError:
            raise late() from None
        except Failure as error:
            raise _refusal(error) from None
        except pa.ArrowException:
            raise bad("the rows cannot be read as columns") from None
        finally:
            self._hosted -= 1

    async def _answered(self, parts: Sequence[Part], rows: int, deadline: float) -> Outputs:
        jobs = []
        try:
            for part in parts:
                jobs.append(
                    self.batcher.submit(
                        part.columns, len(part.places), self._key(part.columns), deadline
                    )
                )
            async with asyncio.timeout_at(deadline):
                answers = [await job for job in jobs]
        except TimeoutError:
            raise late() from None
        finally:
            for job in jobs:
                job.cancel()
        if len(answers) == 1:
            return answers[0]
        order = np.argsort(np.concatenate([part.places for part in parts]))
        return {
            name: np.concatenate([answer[name] for answer in answers])[order] for name in answers[0]
        }

    def _key(self, columns: Columns) -> Hashable:
        """What rows must have in common to share a batch."""
        return tuple(_shape(name, columns[name], self._whole) for name in sorted(columns))

    def _separable(self) -> bool:
        """Whether the first size of every output is that of the batch."""
        fixed = self.predictor.fixed_batch()
        wanted = ANY if fixed is None else fixed
        return all(form.dims[:1] == (wanted,) for form in self.forms.outputs.values())


def _alike(rows: pa.Table) -> list[Rows]:
    """The places of rows whose lists are of one length each: what can be one tensor."""
    lengths = [
        pc.list_value_length(column).fill_null(0).to_numpy()
        for column in rows.columns
        if pa.types.is_list(column.type) and not pa.types.is_string(column.type.value_type)
    ]
    if not lengths:
        return [np.arange(rows.num_rows, dtype=np.int64)]
    _, kinds = np.unique(np.stack(lengths, axis=1), axis=0, return_inverse=True)
    return [np.flatnonzero(kinds.reshape(-1) == kind) for kind in range(int(kinds.max()) + 1)]


def _taken(tensors: Mapping[str, Array], places: Rows, rows: int) -> dict[str, Array]:
    """The given rows of tensors."""
    if len(places) == rows:
        return dict(tensors)
    return {name: array[places] for name, array in tensors.items()}


def _texts(name: str, array: Array) -> Array:
    """Elements of BYTES as texts."""
    found = np.empty(array.size, object)
    try:
        found[:] = [
            item.decode() if isinstance(item, bytes) else item
            for item in array.reshape(-1).tolist()
        ]
    except UnicodeDecodeError:
        raise bad(f"input {quoted(name)}: a text is not UTF-8") from None
    return found.reshape(array.shape)


def _names(binding: Binding) -> tuple[str, ...]:
    """Columns for the values of one input alone: two inputs may read one column."""
    if len(binding.columns) == 1:
        return (binding.name,)
    return tuple(f"{binding.name}.{index}" for index in range(len(binding.columns)))


def _arrow(name: str, form: InputForm, array: Array) -> pa.Array:
    """Elements of BYTES as a column: pictures as they are, texts decoded."""
    if form.what == "texts":
        return pa.array(_texts(name, array).tolist(), _nested(pa.string(), array.ndim))
    for content in array.tolist():
        refuse_pixels(name, content)
    return pa.array(array.tolist(), pa.binary())


def _nested(type: pa.DataType, ndim: int) -> pa.DataType:
    for _ in range(ndim - 1):
        type = pa.list_(type)
    return type


def refuse_pixels(name: str, content: bytes) -> None:
    """Raises `Refusal` 400 for a picture whose pixels would take too much memory."""
    if pixels_of(content) > MOST_PIXELS:
        raise bad(f"{quoted(name)}: the picture has more than {MOST_PIXELS // 10**6} megapixels")


def _refusal(error: Failure) -> Exception:
    """What a client is told of values that cannot be read. Other failures are ours."""
    known = error.diagnostic.code.number in ("E0604", "E0605", "E0606")
    return bad(error.diagnostic.message) if known else error


def _shape(name: str, column: Array | Ragged, whole: bool) -> tuple[Hashable, ...]:
    if not isinstance(column, Ragged):
        return name, column.shape[1:]
    # Where the lengths of rows are sizes of answers, no row may make another's longer.
    return name, int(column.lengths.max(initial=0)) if whole else "any"
