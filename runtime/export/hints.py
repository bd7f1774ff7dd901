"""What is known of the columns of an input, for whoever fills them in by hand.

The statistics that steps were fitted to say where the numbers of the training part lie and
which categories it has. They are hints: the file takes other values, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.clip import Clip
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.runtime.data.preprocessing import InputRecord
from dlc.runtime.data.steps.base import Array, Statistics

#: More categories than this are found by typing, not by choosing.
MOST_CHOICES = 500
# Nineteen of twenty values of a bell curve lie within so many deviations of its mean.
_DEVIATIONS = 2.0
_DIGITS = 3


@dataclass(frozen=True, kw_only=True)
class Hint:
    """One column: the `low` and `high` of what is usual, a `typical` number, the categories
    that the training part has. `whole` says that numbers have no fraction."""

    low: float | None = None
    high: float | None = None
    typical: float | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As JSON, without what is not known."""
        found: dict[str, Any] = {
            key: value
            for key in ("low", "high", "typical")
            if (value := getattr(self, key)) is not None
        }
        if self.whole:
            found["whole"] = True
        if self.choices:
            found["choices"] = list(self.choices)
        return found

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Hint:
        """The reverse of `record`. Raises ValueError, TypeError."""
        numbers = {k: float(given[k]) for k in ("low", "high", "typical") if k in given}
        if not all(map(math.isfinite, numbers.values())):
            raise ValueError("hint")
        return cls(
            **numbers,
            whole=bool(given.get("whole", False)),
            choices=tuple(map(str, given.get("choices", ()))),
        )


def hints(record: InputRecord, steps: Sequence[Preprocess]) -> tuple[Hint, ...]:
    """One hint for each column of an input, none where nothing is known."""
    chain = list(zip(steps, record.statistics, strict=False))
    choices = _choices(chain)
    spread = _spread(record, chain)
    columns = len(record.columns)
    whole = record.dtype.is_int and not choices
    found = tuple(
        Hint(whole=whole, choices=choices, **_numbers(values)) for values in _each(spread, columns)
    )
    return found if any(hint != Hint() for hint in found) else ()


def _choices(chain: Sequence[tuple[Preprocess, Statistics]]) -> tuple[str, ...]:
    """The categories that the first step knows."""
    if not chain:
        return ()
    step, statistics = chain[0]
    entries = statistics["entries"].tolist() if "entries" in statistics else ()
    words = tuple(str(word) for word in (getattr(step, "order", ()) or entries))
    return words if len(words) <= MOST_CHOICES else ()


def _spread(
    record: InputRecord, chain: Sequence[tuple[Preprocess, Statistics]]
) -> dict[str, Array]:
    """Low, high and typical numbers of one raw sample, as far as steps say them before one
    changes what the numbers mean."""
    found: dict[str, Any] = {}
    for step, fitted in chain:
        if isinstance(step, Clip):
            # What lies outside is not refused, and is as good as the bound.
            bounds = {"low": fitted.get("low", step.low), "high": fitted.get("high", step.high)}
            found |= {key: value for key, value in bounds.items() if value is not None}
            continue
        if isinstance(step, Impute):
            found["typical"] = fitted["fill"]
            if step.indicator:
                break
            continue
        if isinstance(step, Scale) and len(record.shape) == 3 and step.factor > 0:
            # Of pixels the factor says what white is.
            found |= {"low": 0.0, "high": 1.0 / step.factor}
        found = {**_fitted(fitted), **found}
        break
    if record.range is not None:
        low, high = record.range
        found = {"low": low, "high": high, **found}
    return {key: np.asarray(value, np.float64) for key, value in found.items()}


def _fitted(statistics: Statistics) -> dict[str, Array]:
    """What a scaling step was fitted to."""
    middle = statistics.get("mean", statistics.get("median"))
    if "least" in statistics:
        return {"low": statistics["least"], "high": statistics["least"] + statistics["range"]}
    if "greatest" in statistics:
        return {"low": -statistics["greatest"], "high": statistics["greatest"]}
    if middle is None:
        return {}
    if "std" in statistics:
        reach = _DEVIATIONS * statistics["std"]
    elif "range" in statistics:
        # A bell curve has 1.35 deviations between its quartiles.
        reach = _DEVIATIONS * statistics["range"] / 1.35
    else:
        return {"typical": middle}
    return {"low": middle - reach, "high": middle + reach, "typical": middle}


def _each(spread: Mapping[str, Array], columns: int) -> Iterator[dict[str, Array]]:
    """The numbers of each column: its own, or those of all together."""
    for column in range(columns):
        yield {
            key: values.reshape(-1)[column : column + 1] if values.size == columns else values
            for key, values in spread.items()
        }


def _numbers(values: Mapping[str, Array]) -> dict[str, float]:
    """One number of each kind, in as many digits as a person would write."""
    found = {}
    for key, reduce in (("low", np.min), ("high", np.max), ("typical", np.median)):
        if key in values and values[key].size:
            number = float(f"{float(reduce(values[key])):.{_DIGITS}g}")
            if math.isfinite(number):
                found[key] = number
    return found
