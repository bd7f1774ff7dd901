"""The samples that an objective makes, for a model file: targets, and inputs as it takes them.

What the file does not do itself is done here, by the code that training ran: texts become
pieces, rows become windows, pieces are hidden. All of it is numpy: no torch is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.compiler import Compilation
from dlc.compiler.components.objectives.autoencoding import Autoencoding
from dlc.compiler.components.sections.data import Data
from dlc.compiler.ir.types import TensorType
from dlc.runtime.data.dataset import DataSet, FileView, Given, prepare
from dlc.runtime.data.preprocessing import TOKENIZER, InputRecord, Preprocessing
from dlc.runtime.data.ragged import Ragged, fill
from dlc.runtime.data.tables import Table
from dlc.runtime.export.metadata import InputColumns
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.inference.rows import row_values
from dlc.runtime.inference.rows_at_once import rows_at_once
from dlc.runtime.inference.session import Array
from dlc.runtime.objectives._applied import Applied
from dlc.runtime.objectives._arrays import OnHost
from dlc.runtime.objectives.base import Batch, Drawn

Rows = npt.NDArray[np.int64]
Take = Callable[[int, int], Batch]


@dataclass(frozen=True, kw_only=True)
class MadeSamples:
    """What an objective makes for a model file. `predictor` is the open file, `compilation` its
    spec, whose data section is `data`."""

    predictor: Predictor
    compilation: Compilation
    data: Data

    def prepare(self, data: Data, root: Path) -> DataSet:
        """The samples of the rows of `data`. Raises what `prepare` raises, and `Failure` E0610
        for a file without what its targets are made with."""
        inputs, targets, applied = self._applied(data)
        info, steps = self.predictor.info, self.compilation.settings.preprocess
        made = frozenset(n for n, how in info.inputs.items() if _is_taken_as_made(how))
        made |= applied.restores
        others = {
            name: _of_a_row(type) if name in applied.of_rows else type
            for name, type in self.predictor.types.items()
            if self._has_columns(name) and not _is_taken_as_made(info.inputs[name])
        }
        return prepare(
            data,
            inputs=inputs,
            targets=targets,
            root=root,
            preprocess=steps,
            fitted=Preprocessing(
                inputs={name: self._record(name, inputs[name]) for name in made},
                labels=info.data.classes if info.data is not None else {},
            ),
            losses=[term.loss for term in self.compilation.settings.loss],
            file=FileView(
                made=made,
                read=lambda table, rows: self._given(table, rows, {} if self.of_rows else others),
            ),
        )

    def chunks(self, samples: DataSet, places: Rows) -> Iterator[tuple[Rows, Mapping[str, Array]]]:
        """The values of outputs and targets for some places of the samples, chunk by chunk."""
        base = _Batches(samples, self.predictor, dict(self.compilation.program.targets))
        take, count = base.in_order(places), len(places)
        drawn = None
        if samples.draws is not None:
            seed = self.compilation.settings.train.seed
            drawn = Drawn(draws=samples.draws, seed=seed)
            take = drawn.in_order(places, None, base.in_order, OnHost())
            count = drawn.count(places, None)
        # As many as a run is measured by: rows of a batch are padded alike.
        program, batch = self.compilation.program, self.data.batch_size
        answers = [program.graph.values[value] for _, value in program.graph.outputs]
        answers += [type for _, type in program.targets]
        size = rows_at_once(answers, batch if isinstance(batch, int) else 1)
        for start in range(0, count, size):
            stop = min(start + size, count)
            feeds, targets = take(start, stop)
            outputs = self.predictor.run_batch(base.as_taken(feeds), stop - start)
            found = places[start:stop]
            if drawn is not None:
                found = drawn.places(places, None, start, stop)
            yield found, {**outputs, **targets}

    def _applied(self, data: Data) -> tuple[dict[str, TensorType], dict[str, TensorType], Applied]:
        program, settings = self.compilation.program, self.compilation.settings
        inputs = {name: program.graph.values[name] for name in program.graph.inputs}
        targets, losses = dict(program.targets), [term.loss for term in settings.loss]
        return inputs, targets, Applied(data, inputs, targets, settings.preprocess, losses)

    @property
    def of_rows(self) -> bool:
        """Whether a sample is a row, as columns have it, with a target: the file answers for
        rows then, in chunks."""
        return isinstance(self.data.objective, Autoencoding)

    @property
    def objective(self) -> str:
        """Its name."""
        assert self.data.objective is not None
        return self.data.objective.name

    @property
    def filled(self) -> frozenset[str]:
        """The targets that have no column."""
        return self._applied(self.data)[2].fills

    @property
    def regroups(self) -> bool:
        """Whether samples are not rows of the file."""
        return self._applied(self.data)[2].regroups

    def _has_columns(self, name: str) -> bool:
        known = self.predictor.info.inputs.get(name)
        return known is not None and bool(known.columns)

    def _record(self, name: str, type: TensorType) -> InputRecord:
        """What an input was fitted to, as the file tells."""
        info = self.predictor.info
        how, fitted = info.inputs[name], info.fitted
        if fitted is not None and name in fitted.inputs:
            return fitted.inputs[name]
        chain = self.compilation.settings.preprocess.get(name, ())
        if how.steps and not how.tokenizer:
            raise failure(
                "E0610",
                f"`{shown(self.predictor.path)}` does not tell what the steps of `{name}`, of "
                "which targets are made, were fitted to",
                help="export the model again with `dlc export`",
            )
        tokenizer = np.frombuffer(how.tokenizer.encode(), np.uint8)
        last = len(chain) - 1
        statistics = [{TOKENIZER: tokenizer} if at == last else {} for at in range(len(chain))]
        return InputRecord(
            dtype=type.dtype, shape=(), columns=how.columns, statistics=tuple(statistics)
        )

    def _given(self, table: Table, rows: Rows, types: Mapping[str, TensorType]) -> Given:
        """Inputs as the file takes them, whose columns give what `types` say."""
        if not types:
            return Given(values={}, rows=rows)
        feeding = self.predictor.feeding
        bindings = self.predictor.bindings(table, types)
        numbers: list[Rows] = []
        parts: list[Mapping[str, Array | Ragged]] = []
        for of_chunk, chunk in table.numbered([c for b in bindings for c in b.columns]):
            wanted = np.flatnonzero(np.isin(of_chunk, rows))
            named, content = of_chunk[wanted], chunk.take(pa.array(wanted))
            for found in row_values(table, content, named, bindings, feeding.through):
                numbers.append(named[found.places])
                parts.append(feeding.columns(found.values, found.prepared))
        values = {name: self._joined(name, [part[name] for part in parts]) for name in types}
        return Given(values=values, rows=np.concatenate(numbers))

    def _joined(self, name: str, parts: list[Array | Ragged]) -> Array:
        arrays = [part for part in parts if not isinstance(part, Ragged)]
        sizes = {part.shape[1:] for part in arrays}
        if len(sizes) > 1:
            height, width = next(iter(sizes))[:2]
            raise failure(
                "E0606",
                f"the pictures of `{name}` are of several sizes, such as {height} x {width}, and "
                "an objective makes samples of all of them together",
                help="bring the files to one size first; or measure the run: `dlc evaluate RUN`",
            )
        return np.concatenate(arrays)


class _Batches:
    """Batches of rows as numpy arrays, padded as training pads them."""

    def __init__(self, samples: DataSet, predictor: Predictor, targets: Collection[str]) -> None:
        self.padding = samples.padding
        self.inputs = tuple(predictor.types)
        self.targets = tuple(targets)
        self._dtypes = {
            n: np.dtype(t.dtype.value)
            for n, t in predictor.types.items()
            if t.dtype.value != "string"
        }
        columns = {**samples.arrays, **samples.given}
        wanted = {*self.inputs, *self.targets, *samples.padding}
        self._columns = {name: found for name, found in columns.items() if name in wanted}

    def in_order(self, rows: Rows) -> Take:
        """Batches of the given rows, in that order."""

        def taken(start: int, stop: int) -> Batch:
            some = rows[start:stop]
            dense: dict[str, Array] = {}
            ragged: dict[str, Ragged] = {}
            for name, values in self._columns.items():
                if isinstance(values, Ragged):
                    ragged[name] = values.take(some)
                else:
                    dense[name] = values[some]
            found = {**dense, **fill(ragged, self.padding)}
            return (
                {name: found[name] for name in self.inputs if name in found},
                {name: found[name] for name in self.targets if name in found},
            )

        return taken

    def as_taken(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The feeds in the element types of the file."""
        return {
            name: values.astype(self._dtypes[name], copy=False) if name in self._dtypes else values
            for name, values in feeds.items()
        }


def _is_taken_as_made(how: InputColumns) -> bool:
    """Whether a file takes of an input what the network gets."""
    return bool(how.columns) and not how.pictures and (bool(how.tokenizer) or not how.steps)


def _of_a_row(type: TensorType) -> TensorType:
    """What a row gives of what a file takes as windows."""
    return type.with_shape(type.shape[0], *type.shape[2:])
