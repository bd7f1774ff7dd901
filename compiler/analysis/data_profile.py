"""What is known of the data of a spec without opening it: the `profile.json` of `dlc data`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlc.compiler.record import record


@record
class Spread:
    """Of the numbers of a column."""

    mean: float
    std: float
    low: float
    high: float

    @property
    def square(self) -> float:
        return self.mean * self.mean + self.std * self.std


@record
class ProfileColumn:
    """A column of the data; `of` is the input or target that it fills, `kind` what its cells
    are: `number`, `list`, `text`, ..."""

    name: str
    of: str
    target: bool
    kind: str
    spread: Spread | None


@record
class DataProfile:
    """`parts` are the rows of each part of the split, `classes` those of each class of a target,
    by its name."""

    parts: Mapping[str, int]
    columns: tuple[ProfileColumn, ...]
    classes: Mapping[str, Mapping[str, int]]

    def of(self, owner: str) -> tuple[ProfileColumn, ...]:
        """The columns that fill an input or target."""
        return tuple(column for column in self.columns if column.of == owner)

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column.of for column in self.columns))


def read_profile(found: Any) -> DataProfile:
    """A profile from what its file holds. Raises ValueError, which says what is wrong, where it
    is none or of another format."""
    if not isinstance(found, Mapping) or found.get("format") != 1:
        raise ValueError("it is not what `dlc data` writes")
    try:
        return DataProfile(
            parts={str(name): _count(rows) for name, rows in found["parts"].items()},
            columns=tuple(map(_column, _list(found["columns"]))),
            classes={
                str(target): {str(name): _count(rows) for name, rows in classes.items()}
                for target, classes in found["classes"].items()
            },
        )
    except (KeyError, AttributeError, TypeError) as problem:
        raise ValueError(f"`{problem.args[0] if problem.args else problem}`") from None


def _column(found: Mapping[str, Any]) -> ProfileColumn:
    return ProfileColumn(
        name=str(found["column"]),
        of=str(found["of"]),
        target=found["role"] == "target",
        kind=str(found["kind"]),
        spread=Spread(*(_number(found[name]) for name in ("mean", "std", "low", "high")))
        if "mean" in found
        else None,
    )


def _list(found: Any) -> Sequence[Any]:
    if not isinstance(found, list):
        raise ValueError("`columns` is no list")
    return found


def _count(found: Any) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"`{str(found)[:40]}` is no number of rows")
    return found


def _number(found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"`{str(found)[:40]}` is no number")
    return float(found)
