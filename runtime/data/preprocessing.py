"""Preprocessing in numpy: fitted on the training part, then applied to everything.

The exported graph does the same arithmetic in the same order and precision, so that
what a network was trained on is what it sees when it answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.failures import failure, shown

Array: TypeAlias = npt.NDArray[Any]
Statistics: TypeAlias = Mapping[str, Array]

DESCRIPTION = "preprocess.json"
STATISTICS = "statistics.safetensors"
_FORMAT = 1


class Step(Protocol):
    """How one preprocess component runs in numpy."""

    def fit(self, step: Preprocess, values: Array) -> dict[str, Array]:
        """The statistics of the training part, under the names that the component gives."""

    def apply(self, step: Preprocess, values: Array, statistics: Statistics) -> Array: ...


class _Scale:
    def fit(self, step: Preprocess, values: Array) -> dict[str, Array]:
        return {}

    def apply(self, step: Preprocess, values: Array, statistics: Statistics) -> Array:
        assert isinstance(step, Scale)
        return values.astype(np.float32) * np.float32(step.factor)


class _Standardize:
    def fit(self, step: Preprocess, values: Array) -> dict[str, Array]:
        assert isinstance(step, Standardize)
        features = step.dim % values.ndim if values.ndim > 1 else None
        others = tuple(dim for dim in range(values.ndim) if dim != features)
        deviation = values.std(axis=others, dtype=np.float64, keepdims=True)
        # Equal values have a deviation of rounding errors, which must not be divided by.
        constant = values.max(axis=others, keepdims=True) == values.min(axis=others, keepdims=True)
        return {
            "mean": values.mean(axis=others, dtype=np.float64, keepdims=True).astype(np.float32),
            "std": np.where(constant, 1.0, deviation).astype(np.float32),
        }

    def apply(self, step: Preprocess, values: Array, statistics: Statistics) -> Array:
        centred = values.astype(np.float32) - statistics["mean"]
        standardized: Array = centred / statistics["std"]
        return standardized


_STEPS: dict[str, Step] = {"scale": _Scale(), "standardize": _Standardize()}


@dataclass(frozen=True, kw_only=True)
class InputRecord:
    """What an input was fitted on: the raw element type, the sizes of one sample (None
    where rows decide), the columns, and the statistics of each step."""

    dtype: DType
    shape: tuple[int | None, ...]
    columns: tuple[str, ...]
    statistics: tuple[Statistics, ...] = ()


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
        }
        description = {
            "format": _FORMAT,
            "inputs": {
                name: {
                    "dtype": record.dtype.value,
                    "shape": list(record.shape),
                    "columns": list(record.columns),
                    "statistics": [sorted(statistics) for statistics in record.statistics],
                }
                for name, record in self.inputs.items()
            },
            "labels": {name: list(words) for name, words in self.labels.items()},
        }
        text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
        return {DESCRIPTION: text.encode(), STATISTICS: save(tensors)}

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
                        {statistic: tensors[f"{name}.{index}.{statistic}"] for statistic in names}
                        for index, names in enumerate(record["statistics"])
                    ),
                )
                for name, record in description["inputs"].items()
            },
            labels={name: tuple(words) for name, words in description["labels"].items()},
        )


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
            if not step.available or step.name not in _STEPS:
                raise failure(
                    "E0602",
                    f"`preprocess.{name}`: `{step.name}` is not run yet",
                    help=step.available_note or "prepare the column so before training",
                )


def fit(values: Array, steps: Sequence[Preprocess]) -> tuple[tuple[Statistics, ...], Array]:
    """Fits a chain on the raw values of the training part; gives the statistics of each
    step and the values after the last."""
    statistics = []
    for step in steps:
        found = _STEPS[step.name].fit(step, values)
        statistics.append(found)
        values = _STEPS[step.name].apply(step, values, found)
    return tuple(statistics), values


def apply(
    values: Array,
    steps: Sequence[Preprocess],
    statistics: Sequence[Statistics],
    declared: TensorType,
) -> Array:
    """Raw values to what the network takes: `[rows, *shape]` of the declared element type."""
    for step, found in zip(steps, statistics, strict=True):
        values = _STEPS[step.name].apply(step, values, found)
    return values.astype(np.dtype(declared.dtype.value), copy=False)
