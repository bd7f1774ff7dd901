"""What a data section is made into: from the raw values of rows to what the network takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess, raw_type
from dlc.compiler.components.sections.data import Data
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.augmentation.places import Place, Unfinished, leading, places
from dlc.runtime.data import texts
from dlc.runtime.data.classes import Bound, encode, lacking, refuse_outside
from dlc.runtime.data.columns import Array, Binding
from dlc.runtime.data.formats.base import bad_value
from dlc.runtime.data.preprocessing import InputRecord, Preprocessing, apply, fit, transform
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.raw import Reading, reading, sample_shape
from dlc.runtime.data.reading import Opened, RawRows, open_rows
from dlc.runtime.data.splits import Rows
from dlc.runtime.data.steps.base import BadSample, Chunks, Statistics
from dlc.runtime.failures import BAD_DATA, Failure, failure, shown

#: The statistics of some steps, fitted on the training part.
Fitting: TypeAlias = Callable[[Sequence[Preprocess]], tuple[Statistics, ...]]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Some rows, ready for the network. `unfinished` are the inputs that augmentation changes,
    as it takes them."""

    arrays: dict[str, Array | Ragged]
    unfinished: dict[str, Unfinished]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the inputs and targets of a network are made. `bounds` are the whole numbers that
    they may hold; `fills` are inputs that have no column, because an objective fills them, and
    `shared` targets that are an input. For `training`, what augmentation takes is made, too."""

    data: Data
    inputs: Mapping[str, TensorType]
    targets: Mapping[str, TensorType]
    root: Path
    steps: Mapping[str, Sequence[Preprocess]]
    bounds: Mapping[str, Bound]
    fills: frozenset[str] = frozenset()
    missing: Mapping[str, int | None] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    training: bool = False

    def chain(self, name: str) -> Sequence[Preprocess]:
        """The preprocess steps of an input."""
        return self.steps.get(name, ())

    @cached_property
    def read(self) -> dict[str, TensorType]:
        """The inputs that columns fill."""
        filled = texts.filled_inputs(self.steps) | self.fills
        return {name: type for name, type in self.inputs.items() if name not in filled}

    @cached_property
    def readings(self) -> dict[str, Reading]:
        found = {name: reading(self.chain(name), type) for name, type in self.read.items()}
        return {name: how for name, how in found.items() if how is not None}

    @cached_property
    def augmented(self) -> dict[str, Place]:
        """Where augmentation stands in the chains of the inputs that it changes."""
        return places(self.data.augment, self.inputs, self.steps) if self.training else {}

    @cached_property
    def cut(self) -> dict[str, Place]:
        """The steps of each input that bring pictures to one size."""
        return {name: self.augmented.get(name) or leading(self.chain(name)) for name in self.inputs}

    @property
    def of_tokens(self) -> frozenset[str]:
        """The inputs whose texts are cut into pieces, and differ in length."""
        return frozenset(n for n in self.read if texts.token_step(self.chain(n)) is not None)

    def open(self) -> Opened:
        """The source, and the columns of each input and target. Raises `Failure` E0602 to
        E0605."""
        strict = {name for name in self.read if texts.takes_texts(self.chain(name))}
        strict |= {name for name, how in self.readings.items() if how.texts}
        return open_rows(
            self.data,
            inputs={name: _column_type(self.chain(name), t) for name, t in self.read.items()},
            targets=self.targets,
            root=self.root,
            raw=dict.fromkeys(strict, DType.STRING),
            readings={
                **self.readings,
                **{
                    name: Reading(type=self.targets[name], missing=True, absent=absent)
                    for name, absent in self.missing.items()
                    if name in self.targets
                },
            },
            prepare_image=lambda name, image: _to_one_size(self.cut[name], image),
        )

    def done(self, name: str, pictures: bool) -> int:
        """How many steps of an input are behind its raw values."""
        return self.cut[name].index if pictures else 0

    def fitted(self, raw: RawRows, labels: Mapping[str, tuple[str, ...]]) -> Preprocessing:
        """The preprocessing, fitted on the training part. Raises `Failure`."""
        train = raw.division.train
        records = {}
        for name in self.inputs:
            if name not in raw.arrays:
                records[name] = self.filled_record(name)
                continue
            values = raw.arrays[name]
            held = values[train]
            if name in self.of_tokens:
                records[name] = self.token_record(raw.bindings[name], name, _held(held), raw.path)
                continue
            records[name] = self.record(
                raw, name, values, _held(held), partial(_fit, held), lambda: raw.rows[train]
            )
        return Preprocessing(inputs=records, labels=labels)

    def token_record(self, binding: Binding, name: str, train: Chunks, path: Path) -> InputRecord:
        """Of an input whose texts are cut into pieces; `train` are those of the training part."""
        texts.refuse_empty(train(), path, binding.columns[0])
        return InputRecord(
            dtype=self.inputs[name].dtype,
            shape=binding.shape,
            columns=binding.columns,
            statistics=texts.fit_tokens(name, self.chain(name), train, self.root),
        )

    def filled_record(self, name: str) -> InputRecord:
        """Of an input that has no column."""
        type = self.inputs[name]
        sizes = tuple(dim if isinstance(dim, int) else None for dim in type.shape[1:])
        return InputRecord(dtype=type.dtype, shape=sizes, columns=())

    def record(
        self,
        raw: RawRows,
        name: str,
        values: Array,
        train: Chunks,
        fitting: Fitting,
        rows: Callable[[], Rows],
    ) -> InputRecord:
        """What an input is fitted on. `values` are some of its raw values, `train` those of the
        training part; `rows` gives the numbers of the rows that are being fitted on."""
        chain, how = self.chain(name), self.readings.get(name)
        done = self.done(name, name in raw.images)
        _refuse_types(raw, name, values, chain[done:] if how else ())
        with refusing(raw, name, rows):
            statistics = fitting(chain[done:])
        return InputRecord(
            dtype=_dtype(values),
            # The graph takes pictures of any size, which its steps bring to one.
            shape=sample_shape(how, values, self.inputs[name])
            if how and not done
            else raw.bindings[name].shape,
            columns=raw.bindings[name].columns,
            statistics=({},) * done + statistics,
            range=_range(values.dtype, train, chain),
            pictures=name in raw.images,
        )

    def finished(self, raw: RawRows, fitted: Preprocessing) -> Finished:
        """The arrays of all rows of `raw`, which loses its own. Raises `Failure`."""
        arrays: dict[str, Array | Ragged] = {}
        unfinished: dict[str, Unfinished] = {}
        for name, type in self.read.items():
            if name not in raw.arrays:
                continue
            if name in self.of_tokens:
                arrays |= self._tokens(raw, name, fitted)
                continue
            chain, given = self.chain(name), raw.arrays.pop(name)
            with refusing(raw, name, lambda: raw.rows):
                done = self.done(name, name in raw.images)
                if name in self.augmented and name not in raw.images:
                    given, done = _to_one_size(self.cut[name], given), self.cut[name].index
                left, statistics = chain[done:], fitted.inputs[name].statistics[done:]
                values = apply(given, left, statistics, type)
            if name in self.augmented:
                unfinished[name] = Unfinished(
                    values=given, steps=tuple(left), statistics=tuple(statistics)
                )
            _refuse_sizes(name, values, type, chain)
            arrays[name] = values
        for name, type in self.targets.items():
            if name in raw.arrays:
                values = raw.arrays.pop(name)
                if values.dtype == object or name in fitted.labels:
                    absent = raw.bindings[name].absent
                    gone = lacking(values, absent)
                    values = encode(values, fitted.labels.get(name, ()))
                    if absent is not None:
                        values[gone] = absent
                arrays[name] = values.astype(np.dtype(type.dtype.value), copy=False)
        # They share the memory of the input.
        arrays |= {t: arrays[name] for t, name in self.shared.items() if name in arrays}
        for name, bound in self.bounds.items():
            found = arrays.get(name)
            if found is not None and not isinstance(found, Ragged):
                refuse_outside(raw, self.shared.get(name, name), found, bound)
        return Finished(arrays=arrays, unfinished=unfinished)

    def _tokens(self, raw: RawRows, name: str, fitted: Preprocessing) -> dict[str, Ragged]:
        """The pieces of a column of texts, and what else its tokenizer tells of them."""
        chain, bound = self.chain(name), self.bounds.get(name)
        step, fit = texts.token_step(chain), texts.fits(self.inputs, self.steps)[name]
        assert step is not None
        tokenizer = texts.tokenizer_in(name, fitted.inputs[name].statistics)
        if bound is not None:
            texts.refuse_indices(name, tokenizer, bound.high, bound.reason, step)
        found = texts.tokens_of(name, raw.arrays.pop(name), tokenizer, fit.padding)
        column = raw.bindings[name].columns[0]
        texts.refuse_long(name, found[name], fit, raw.path, raw.rows, column, step)
        return found


def _to_one_size(place: Place, images: Array) -> Array:
    """Pictures after the steps that bring them to one size."""
    return transform(images, place.before, [{}] * len(place.before))


def _column_type(chain: Sequence[Preprocess], declared: TensorType) -> TensorType:
    """The type that a column is read as: of pictures of any size where steps change sizes."""
    return raw_type(chain, declared) if any(step.spatial for step in chain) else declared


def _fit(values: Array, chain: Sequence[Preprocess]) -> tuple[Statistics, ...]:
    return fit(values, chain)[0]


def _held(values: Array) -> Chunks:
    return lambda: (values,)


def _dtype(values: Array) -> DType:
    return DType.STRING if values.dtype == object else DType(values.dtype.name)


def _range(
    dtype: np.dtype[Any], train: Chunks, chain: Sequence[Preprocess]
) -> tuple[float, float] | None:
    """The range of the raw numbers, where a step does not take every number."""
    if dtype.kind == "O" or not any(step.partial for step in chain):
        return None
    found = [(np.nanmin(chunk), np.nanmax(chunk)) for chunk in train() if len(chunk)]
    return float(np.nanmin([low for low, _ in found])), float(np.nanmax([h for _, h in found]))


@contextmanager
def refusing(raw: RawRows, name: str, rows: Callable[[], Rows]) -> Iterator[None]:
    """Gives what a step refuses its row and column."""
    columns = raw.bindings[name].columns
    try:
        yield
    except BadSample as error:
        column = columns[error.column if error.column < len(columns) else 0]
        raise bad_value(
            raw.table.origin, int(rows()[error.index]), column, error.message, error.help
        ) from None
    except ComponentError as error:
        raise _refused(raw, name, error) from None


def _refused(raw: RawRows, name: str, error: ComponentError) -> Failure:
    return failure(
        error.code,
        f"`preprocess.{name}`, for {listed(raw.bindings[name].columns, 3)} of "
        f"`{shown(raw.path)}`: {error.message}",
        help=error.help,
        exit_code=BAD_DATA,
    )


def _refuse_types(raw: RawRows, name: str, values: Array, chain: Sequence[Preprocess]) -> None:
    """Raises `Failure` for columns that the steps do not take."""
    type = TensorType(_dtype(values), (symbol("N"), *values.shape[1:]))
    try:
        for step in chain:
            type = step.infer(type)
    except ComponentError as error:
        raise _refused(raw, name, error) from None


def _refuse_sizes(
    name: str, values: Array, declared: TensorType, chain: Sequence[Preprocess]
) -> None:
    """Raises `Failure` E0402 for steps that end at other sizes than are declared, which only
    the data tells of those that keep a share of the variance."""
    sizes = zip(values.shape[1:], declared.shape[1:], strict=False)
    wrong = any(isinstance(dim, int) and dim != size for size, dim in sizes)
    if not chain or not (wrong or values.ndim != declared.rank):
        return
    found = declared.with_shape(declared.shape[0], *values.shape[1:])
    raise failure(
        "E0402",
        f"`preprocess.{name}`: `{chain[-1].name}` ends at {found}, and `{name}` is {declared}",
        help=f"declare `{name}` as `{found}`",
    )
