"""The objective of a data section on its way: what is read for it, and what it then makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.objectives._frame import frame_of
from dlc.compiler.components.objectives.autoencoding import Autoencoding
from dlc.compiler.components.objectives.windows import Windows
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.sections.data import Data
from dlc.compiler.ir.types import TensorType
from dlc.runtime import objectives
from dlc.runtime.data import texts
from dlc.runtime.data.preprocessing import InputRecord, Preprocessing
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import failure
from dlc.runtime.objectives.base import Columns

if TYPE_CHECKING:
    from dlc.runtime.data.dataset import Bound, DataSet


class Applied:
    """`inputs` and `targets` are the types by which columns are read: those of the network
    where there is no objective. `fills` are inputs and targets that have no column; `restores`
    the inputs whose values are targets, too, and `shared` the targets that are an input as it
    is; `regroups` says that samples are not rows, and
    `of_rows` are the inputs of which a row gives less dims than a sample has."""

    def __init__(
        self,
        data: Data,
        inputs: Mapping[str, TensorType],
        targets: Mapping[str, TensorType],
        steps: Mapping[str, Sequence[Preprocess]],
        losses: Sequence[Loss],
    ) -> None:
        self.inputs, self.targets = dict(inputs), dict(targets)
        self.fills: frozenset[str] = frozenset()
        self.restores: frozenset[str] = frozenset()
        self.of_rows: frozenset[str] = frozenset()
        self.shared: dict[str, str] = {}
        self.regroups = False
        self._objective = None
        self._columns = data.columns
        if data.objective is None:
            return
        self._frame = frame_of(data, inputs, targets, steps, losses)
        try:
            found = data.objective.resolved(self._frame)
        except ComponentError as problem:
            raise failure(problem.code, problem.message, help=problem.help) from None
        self._objective = found
        reads = found.reads(self._frame)
        self.fills = frozenset(found.fills) - (set(found.may_have_columns) & set(reads))
        self.restores = frozenset(found.restores(self._frame))
        self.regroups = found.regroups
        if isinstance(found, Autoencoding):
            self.shared = dict.fromkeys(found.fills, str(found.input))
        self._shapes = {name: inputs[name] for name in reads if name in inputs}
        self.of_rows = frozenset(n for n, t in self._shapes.items() if reads[n].rank < t.rank)
        self.inputs |= {name: type for name, type in reads.items() if name in inputs}
        self.targets = {
            name: reads.get(name, type) for name, type in targets.items() if name not in self.fills
        }

    def made(self, data: DataSet, bounds: Mapping[str, Bound]) -> DataSet:
        """The data set with what the objective makes. Raises `Failure` E0606."""
        objective = self._objective
        if objective is None:
            return data
        found = objectives.load(objective.name)(
            objective,
            Columns(
                frame=self._frame,
                arrays=data.arrays,
                given=data.given,
                rows=data.rows,
                division=data.division,
                table=data.table,
                time=self._time(data),
                padding=data.padding,
                bounds=bounds,
                tokenizer=lambda name: texts.tokenizer_in(
                    name, data.preprocessing.inputs[name].statistics
                ),
            ),
        )
        self._refuse_outside(found, bounds)
        records = {
            name: self._record(name, record) for name, record in data.preprocessing.inputs.items()
        }
        return replace(
            data,
            arrays=found.arrays,
            given=found.given,
            rows=found.rows,
            division=found.division,
            padding=found.padding,
            preprocessing=Preprocessing(inputs=records, labels=data.preprocessing.labels),
            draws=found.draws,
        )

    def _time(self, data: DataSet) -> str | None:
        name = data.rule.time
        if name is None or name in data.table.names:
            return name
        # An input or target stands for its first column.
        column = self._columns[name]
        return column if isinstance(column, str) else column[0]

    def _record(self, name: str, record: InputRecord) -> InputRecord:
        """What an exported network takes, which is not what a row of the file holds."""
        declared = self._shapes.get(name)
        if declared is None or not record.columns:
            return record
        if isinstance(self._objective, Windows):
            if len(record.shape) == declared.rank - 1:
                return record
            return replace(record, shape=(self._objective.length, *record.shape))
        sizes = tuple(dim if isinstance(dim, int) else None for dim in declared.shape[1:])
        return replace(record, shape=sizes)

    def _refuse_outside(self, columns: Columns, bounds: Mapping[str, Bound]) -> None:
        for name in self.fills:
            bound, values = bounds.get(name), columns.arrays.get(name)
            if bound is None or values is None or isinstance(values, Ragged):
                continue
            wrong = (values < bound.low) | (values > bound.high)
            if bound.ignored is not None:
                wrong &= values != bound.ignored
            if wrong.any():
                raise failure(
                    "E0606",
                    f"`{name}` gets `{values[wrong][0]}`, which is not from {bound.low} to "
                    f"{bound.high}: {bound.reason}",
                    help="make the layer as large, or correct the data",
                )
