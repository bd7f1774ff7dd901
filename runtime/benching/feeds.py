"""What the contenders are asked: rows of the data, or numbers drawn from the types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from dlc.runtime.data.formats.base import Table
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.inference.rows import row_values
from dlc.runtime.inference.session import Array

#: So many different rows are asked, over and over where a batch is larger.
ROWS = 256
_OPEN = 16
Feeds = Mapping[str, Array]


def feeds_of_rows(predictor: Predictor, table: Table, only: Sequence[int] | None = None) -> Feeds:
    """What the file takes for the first rows of a table, or of those `only`, padded to one
    length. Raises what reading raises, and `Failure` E0604 where there is no row."""
    bindings = predictor.bindings(table)
    columns = list(dict.fromkeys(column for b in bindings for column in b.columns))
    held: list[Mapping[str, Array]] = []
    prepared: frozenset[str] = frozenset()
    count = 0
    for found, part in table.numbered(columns, ROWS):
        places = np.arange(len(found)) if only is None else np.flatnonzero(np.isin(found, only))
        rows = part.take(pa.array(places[: ROWS - count]))
        numbers = found[places][: ROWS - count]
        for given in row_values(table, rows, numbers, bindings, predictor.feeding.through):
            if held and _shapes(held[0]) != _shapes(given.values):
                continue
            held.append(given.values)
            prepared, count = given.prepared, count + len(given.places)
        if count >= ROWS:
            break
    if not count:
        raise failure("E0604", f"`{shown(table.path)}` has no rows to ask about")
    values = {name: np.concatenate([part[name] for part in held]) for name in held[0]}
    found_columns = predictor.feeding.columns(values, prepared)
    ((_, feeds),) = predictor.feeding.batches(found_columns, count, whole=True)
    return feeds


def drawn_feeds(inputs: Mapping[str, tuple[str, tuple[int | str, ...]]]) -> Feeds:
    """Rows drawn from the types of a file's inputs. A size that is open is 16; whole numbers
    are 1, which every table of two entries has."""
    rng = np.random.default_rng(0)
    found: dict[str, Array] = {}
    for name, (element, dims) in inputs.items():
        shape = [ROWS, *(dim if isinstance(dim, int) else _OPEN for dim in dims[1:])]
        kind = element.removeprefix("tensor(").removesuffix(")")
        if kind in ("float", "double", "float16"):
            dtype = {"float": np.float32, "double": np.float64, "float16": np.float16}[kind]
            found[name] = rng.standard_normal(shape).astype(dtype)
        elif kind == "string":
            found[name] = np.full(shape, "a", object)
        elif kind == "uint8":
            found[name] = rng.integers(0, 256, shape).astype(np.uint8)
        else:
            found[name] = np.ones(shape, np.bool_ if kind == "bool" else np.dtype(kind))
    return found


def of_size(feeds: Feeds, size: int) -> dict[str, Array]:
    """A batch of `size` rows, from the first on and around."""
    return {
        name: np.ascontiguousarray(values[np.arange(size) % len(values)])
        for name, values in feeds.items()
    }


def fixed_size(path: Path, inputs: Mapping[str, tuple[str, tuple[int | str, ...]]]) -> int | None:
    """The one size of batch that a file takes, where it takes no other."""
    sizes = {dims[0] for _, dims in inputs.values() if dims and isinstance(dims[0], int)}
    if len(sizes) > 1:
        raise failure("E0610", f"the inputs of `{shown(path)}` have batches of several sizes")
    return next(iter(sizes), None)


def _shapes(values: Mapping[str, Array]) -> list[tuple[int, ...]]:
    return [array.shape[1:] for array in values.values()]
