"""Preprocessing in numpy: fitted on the training part, then applied to everything.

The exported graph does the same arithmetic in the same order and precision, so that
what a network was trained on is what it sees when it answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data import steps as running
from dlc.runtime.data.steps.base import Array, BadSample, Chunks, Statistics
from dlc.runtime.failures import failure, shown

DESCRIPTION = "preprocess.json"
STATISTICS = "statistics.safetensors"
#: Statistic of a token step, and the end of the name of its file.
TOKENIZER = "tokenizer"
TOKENIZER_FILE = ".tokenizer.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class InputRecord:
    """What an input was fitted on: the raw element type, the sizes of one sample (None
    where rows decide), the columns, and the statistics of each step. `range` is the least and
    greatest raw number, where a step does not take every number."""

    dtype: DType
    shape: tuple[int | None, ...]
    columns: tuple[str, ...]
    statistics: tuple[Statistics, ...] = ()
    range: tuple[float, float] | None = None
    pictures: bool = False


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Fitted preprocessing: a record for each input, the class names of each target whose
    classes are words in the data."""

    inputs: Mapping[str, InputRecord]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """The files of the folder `preprocess`, by name."""
        from safetensors.numpy import save

        tensors = {
            f"{name}.{index}.{statistic}": np.ascontiguousarray(value)
            for name, record in self.inputs.items()
            for index, statistics in enumerate(record.statistics)
            for statistic, value in statistics.items()
            if statistic != TOKENIZER and value.dtype != object
        }
        # A tokenizer is a file that other programs read, too.
        tokenizers = {
            f"{name}{TOKENIZER_FILE}": statistics[TOKENIZER].tobytes()
            for name, record in self.inputs.items()
            for statistics in record.statistics
            if TOKENIZER in statistics
        }
        description = {
            "format": _FORMAT,
            "inputs": {
                name: {
                    "dtype": record.dtype.value,
                    "shape": list(record.shape),
                    "columns": list(record.columns),
                    "statistics": [sorted(statistics) for statistics in record.statistics],
                    **_ranges(record),
                    **({"pictures": True} if record.pictures else {}),
                    **_texts(record),
                }
                for name, record in self.inputs.items()
            },
            "labels": {name: list(words) for name, words in self.labels.items()},
        }
        text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
        return {DESCRIPTION: text.encode(), STATISTICS: save(tensors), **tokenizers}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Preprocessing:
        """The reverse of `files`; a KeyError or ValueError for what `files` did not write."""
        from safetensors.numpy import load

        description = json.loads(files[DESCRIPTION])
        if description["format"] != _FORMAT:
            raise ValueError(f"format {description['format']} of `{DESCRIPTION}`")
        tensors = load(files[STATISTICS])
        return cls(
            inputs={
                name: InputRecord(
                    dtype=DType(record["dtype"]),
                    shape=tuple(record["shape"]),
                    columns=tuple(record["columns"]),
                    statistics=tuple(
                        {
                            statistic: np.frombuffer(files[f"{name}{TOKENIZER_FILE}"], np.uint8)
                            if statistic == TOKENIZER
                            else np.array(record["texts"][f"{index}.{statistic}"], object)
                            if f"{index}.{statistic}" in record.get("texts", ())
                            else tensors[f"{name}.{index}.{statistic}"]
                            for statistic in names
                        }
                        for index, names in enumerate(record["statistics"])
                    ),
                    range=_range(record.get("range")),
                    pictures=bool(record.get("pictures", False)),
                )
                for name, record in description["inputs"].items()
            },
            labels={name: tuple(words) for name, words in description["labels"].items()},
        )


def _texts(record: InputRecord) -> dict[str, Any]:
    """Statistics that are texts, which a file of tensors cannot hold."""
    found = {
        f"{index}.{statistic}": value.tolist()
        for index, statistics in enumerate(record.statistics)
        for statistic, value in statistics.items()
        if value.dtype == object
    }
    return {"texts": found} if found else {}


def _ranges(record: InputRecord) -> dict[str, Any]:
    return {"range": list(record.range)} if record.range is not None else {}


def _range(given: Sequence[float] | None) -> tuple[float, float] | None:
    if given is None:
        return None
    low, high = given
    return float(low), float(high)


def read_preprocessing(folder: Path, files: Mapping[str, bytes]) -> Preprocessing:
    """What the files of a folder `preprocess` hold. Raises `Failure` E0610."""
    try:
        return Preprocessing.from_files(files)
    # safetensors raises an exception class of its own beside these.
    except Exception as error:
        raise failure(
            "E0610",
            f"`{shown(folder)}` is damaged: {error}",
            help="train again, or take the folder from a backup",
        ) from None


def refuse_unavailable(steps: Mapping[str, Sequence[Preprocess]]) -> None:
    """Raises `Failure` E0602 for the first step that this version does not run."""
    for name, chain in steps.items():
        for step in chain:
            runs = isinstance(step, TokenStep) or step.name in running.names()
            if not step.available or not runs:
                raise failure(
                    "E0602",
                    f"`preprocess.{name}`: `{step.name}` is not run yet",
                    help=step.available_note or "prepare the column so before training",
                )


def fit(values: Array, steps: Sequence[Preprocess]) -> tuple[tuple[Statistics, ...], Array]:
    """Fits a chain on the raw values of the training part; gives the statistics of each
    step and the values after the last."""
    statistics: list[Statistics] = []
    for step in steps:
        found = running.load(step.name).fit(step, _held(values))
        statistics.append(found)
        values = transform(values, (step,), (found,))
    return tuple(statistics), values


def _held(values: Array) -> Chunks:
    return lambda: (values,)


def fit_stream(chunks: Chunks, steps: Sequence[Preprocess]) -> tuple[Statistics, ...]:
    """The same for values that come in chunks. Nothing is kept between the passes: each
    step sees what the steps before it make of the chunks."""
    statistics: list[Statistics] = []
    for index, step in enumerate(steps):
        before = steps[:index]

        def prepared(before: Sequence[Preprocess] = before) -> Iterator[Array]:
            return (transform(chunk, before, statistics) for chunk in chunks())

        statistics.append(running.load(step.name).fit(step, prepared))
    return tuple(statistics)


def transform(
    values: Array, steps: Sequence[Preprocess], statistics: Sequence[Statistics]
) -> Array:
    """Raw values through some steps, each with its statistics. Raises `BadSample` for a value
    that a step gives no number for."""
    for step, found in zip(steps, statistics, strict=False):
        before = values
        with np.errstate(all="ignore"):
            values = running.load(step.name).apply(step, before, found)
        if step.partial and values.dtype.kind == "f":
            _refuse_infinite(step, before, values)
    return values


def _refuse_infinite(step: Preprocess, before: Array, after: Array) -> None:
    wrong = ~np.isfinite(after)
    if wrong.any():
        index, *place = np.argwhere(wrong)[0].tolist()
        raise BadSample(
            index,
            f"`{step.name}` of {before[index, *place]:g} is no number that a float holds",
            "leave such rows out with `data.where`, or change the numbers before: "
            "`clip` bounds them",
            column=int(np.ravel_multi_index(place, after.shape[1:])) if place else 0,
        )


def apply(
    values: Array,
    steps: Sequence[Preprocess],
    statistics: Sequence[Statistics],
    declared: TensorType,
) -> Array:
    """Raw values to what the network takes: `[rows, *shape]` of the declared element type."""
    values = transform(values, steps, statistics)
    return values.astype(np.dtype(declared.dtype.value), copy=False)
