"""From columns of a table to the arrays of a spec's inputs and targets.

The arrays are raw: what preprocessing steps work on and what the exported model takes.
Whole numbers keep the width that the file stores (a `uint8` pixel stays one), other
numbers are float32, or float64 where that is declared; text stays text. Nested lists
and stacked columns are read row-major into the declared shape.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.diagnostics.suggest import closest
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.formats.base import Place, bad_value
from dlc.runtime.data.preprocessing import transform
from dlc.runtime.data.raw import Reading
from dlc.runtime.data.steps.base import BadSample
from dlc.runtime.failures import Failure, failure, shown

Array: TypeAlias = npt.NDArray[Any]

_GLOB = frozenset("*?[")
_TILE_BYTES = 1 << 20
# What tables are separated by that are called CSV and hold no comma.
_SEPARATORS = ";\t|"


@dataclass(frozen=True, kw_only=True)
class Binding:
    """What fills one input or target.

    `shape` leaves the batch out; None is a size that the rows decide. `raw` is the element
    type wanted, where one is known already: that of an exported model's input. `categories`
    to `checks` are those of `Reading`.
    """

    name: str
    columns: tuple[str, ...]
    declared: TensorType
    shape: tuple[int | None, ...]
    raw: DType | None = None
    text: bool = False
    categories: bool = False
    missing: bool = False
    absent: int | None = None
    joins: str | None = None
    checks: tuple[Preprocess, ...] = ()


def bind(
    wanted: Mapping[str, TensorType],
    columns: Mapping[str, str | Sequence[str]],
    names: Sequence[str],
    path: Place,
    *,
    raw: Mapping[str, DType] | None = None,
    text: Collection[str] = (),
    readings: Mapping[str, Reading] | None = None,
) -> tuple[Binding, ...]:
    """Finds the columns of each wanted input or target among the table's `names`.

    `columns` is the mapping of the spec; a name that it leaves out is its own column. A
    glob takes all columns that match, in the order of the table; a list takes what its items
    take, in its order, each column once. `readings` are the inputs that are not read as they
    are declared. Raises `Failure` E0605.
    """
    bindings = []
    for name, declared in wanted.items():
        reading = (readings or {}).get(name) or Reading(type=declared)
        type = reading.type
        given = columns.get(name, name)
        taken: dict[str, None] = {}
        for pattern in (given,) if isinstance(given, str) else given:
            found = _matching(pattern, names)
            if not found:
                raise _missing(name, pattern, name in columns, names, path)
            taken |= dict.fromkeys(found)
        shape = tuple(dim if isinstance(dim, int) else None for dim in type.shape[1:])
        bindings.append(
            Binding(
                name=name,
                columns=tuple(taken),
                declared=type,
                shape=shape,
                raw=(raw or {}).get(name),
                text=name in text,
                categories=reading.categories,
                missing=reading.missing,
                absent=reading.absent,
                joins=reading.joins,
                checks=reading.checks,
            )
        )
    return tuple(bindings)


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    if pattern in names:
        return [pattern]
    if not _GLOB & set(pattern):
        return []
    return [column for column in names if fnmatchcase(column, pattern)]


def _missing(name: str, pattern: str, mapped: bool, names: Sequence[str], path: Place) -> Failure:
    listed = ", ".join(f"`{column}`" for column in names[:12]) + (", ..." if names[12:] else "")
    near = closest(pattern, names)
    other = next((mark for mark in _SEPARATORS if mark in names[0]), None) if names else None
    if len(names) == 1 and other is not None:
        written = "\\t" if other == "\t" else other
        reader = f'{{csv: {{path: "...", delimiter: "{written}"}}}}'
        help = f"its values seem to be separated by `{written}`: `source: {reader}`"
    elif near is not None:
        help = f"`{near}` is one"
    else:
        help = "name its column below `data.columns`"
    verb = "matches no column" if _GLOB & set(pattern) else "is no column"
    of = f", wanted for `{name}`," if mapped and pattern != name else ""
    return failure(
        "E0605",
        f"`{pattern}`{of} {verb} of `{shown(path)}`",
        notes=(f"its columns are {listed}",),
        help=help,
    )


def extract(
    table: pa.Table, binding: Binding, path: Place, *, rows: Sequence[int] | int = 1
) -> Array:
    """The array of one binding: `[rows, *shape]`, or object-typed text `[rows]`.

    `rows` numbers the rows for messages: the number of the first, or one for each.
    Raises `Failure` E0606 naming file, row and column.
    """
    reader = _Reader(binding, path, rows)
    parts = [reader.column(name, table.column(name)) for name in binding.columns]
    if len(parts) == 1:
        values = parts[0]
    else:
        values = reader.stacked(parts)
    values = reader.shaped(values, table.num_rows)
    if binding.checks:
        try:
            transform(values, binding.checks, [{} for _ in binding.checks])
        except BadSample as error:
            column = binding.columns[error.column if len(binding.columns) > 1 else 0]
            raise reader.bad(error.index, column, error.message, error.help) from None
    return values


class _Reader:
    def __init__(self, binding: Binding, path: Place, rows: Sequence[int] | int) -> None:
        self.binding = binding
        self.path = path
        self.rows = rows

    def bad(self, index: int, column: str, message: str, help: str | None = None) -> Failure:
        row = self.rows + index if isinstance(self.rows, int) else self.rows[index]
        return bad_value(self.path, int(row), column, message, help)

    def column(self, name: str, chunked: pa.ChunkedArray) -> Array:
        array = chunked.combine_chunks() if chunked.num_chunks != 1 else chunked.chunk(0)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        array = self._written_out(name, array)
        self._refuse_nulls(name, array)
        if _is_list(array.type):
            return self._nested(name, array)
        return self._flat(name, array, lambda index: index)

    @property
    def _texts(self) -> bool:
        return DType.STRING in (self.binding.declared.dtype, self.binding.raw)

    def _written_out(self, name: str, array: Any) -> Any:
        """Dates as ISO has them and lists in one line, where texts are wanted."""
        if not self._texts:
            return array
        joins = self.binding.joins
        if joins is not None and _is_list(array.type):
            pieces = array.cast(pa.list_(pa.string()))
            cut = pc.match_substring(pieces.flatten(), joins)
            if pc.any(cut).as_py():
                index = pc.list_parent_indices(pieces)[pc.index(cut, True).as_py()].as_py()
                raise self.bad(
                    index,
                    name,
                    f"a piece of the list holds the separator `{joins}`",
                    "give another `separator`, which no piece holds",
                )
            return pc.binary_join(pieces, joins)
        if pa.types.is_timestamp(array.type):
            return array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(pa.string())
        return array.cast(pa.string()) if pa.types.is_date(array.type) else array

    def _refuse_nulls(self, name: str, array: Any) -> None:
        if array.null_count and not self.binding.missing:
            index = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
            raise self.bad(
                index,
                name,
                "the value is missing",
                "fill it, or leave such rows out with `data.where`",
            )

    def _nested(self, name: str, array: Any) -> Array:
        """Lists of lists as `[rows, numbers of a row]`."""
        count = len(array)
        per_row = 1
        while _is_list(array.type):
            if pa.types.is_fixed_size_list(array.type):
                per_row *= array.type.list_size
                array = array.flatten()
            else:
                lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
                if len(lengths) and (lengths != lengths[0]).any():
                    odd = int(np.flatnonzero(lengths != lengths[0])[0])
                    raise self.bad(
                        odd // per_row,
                        name,
                        f"a list of {lengths[odd]} where the rows above have {lengths[0]}",
                        "rows of different lengths want padding to one length first",
                    )
                per_row *= int(lengths[0]) if len(lengths) else 0
                array = array.flatten()
            if array.null_count and not self.binding.missing:
                index = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
                raise self.bad(index // max(per_row, 1), name, "a value in the list is missing")
        values = self._flat(name, array, lambda index: index // max(per_row, 1))
        return values.reshape(count, per_row)

    def _flat(self, name: str, array: Any, row_of: Any) -> Array:
        kind = array.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._text(name, array, row_of)
        whole = pa.types.is_integer(kind) and self.binding.categories
        if self._texts and not whole and not pa.types.is_null(kind):
            raise self.no_texts(name, str(kind))
        if pa.types.is_boolean(kind):
            if array.null_count:
                array = array.cast(pa.int8())
            return np.asarray(array.to_numpy(zero_copy_only=False))
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            values = np.asarray(array.to_numpy(zero_copy_only=False))
            if pa.types.is_floating(kind):
                self._refuse_infinite(name, values, row_of)
            return values
        if pa.types.is_null(kind):
            return np.full(len(array), np.nan)
        raise failure(
            "E0606",
            f"column `{name}` of `{shown(self.path)}` holds `{kind}`, which is no number or text",
            help="store it as numbers, lists of numbers, or text",
        )

    def _text(self, name: str, array: Any, row_of: Any) -> Array:
        """Text as numbers where all of it is; else as text, which only class names and
        text steps take."""
        if DType.STRING in (self.binding.declared.dtype, self.binding.raw):
            return np.asarray(array.to_numpy(zero_copy_only=False))
        try:
            if self.binding.declared.dtype is DType.BOOL:
                return np.asarray(pc.cast(array, pa.bool_()).to_numpy(zero_copy_only=False))
            if self.binding.declared.dtype.is_int:
                return np.asarray(pc.cast(array, pa.int64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            pass
        try:
            values = np.asarray(pc.cast(array, pa.float64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            return np.asarray(array.to_numpy(zero_copy_only=False))
        self._refuse_infinite(name, values, row_of)
        return values

    def _refuse_infinite(self, name: str, values: Array, row_of: Any) -> None:
        finite = np.isfinite(values)
        if self.binding.missing:
            finite |= np.isnan(values)
        if not finite.all():
            index = int(np.flatnonzero(~finite)[0])
            raise self.bad(
                row_of(index),
                name,
                f"`{values[index]}` is not a finite number",
                "replace it, or leave such rows out with `data.where`",
            )

    def no_texts(self, name: str, kind: str) -> Failure:
        return failure(
            "E0606",
            f"column `{name}` of `{shown(self.path)}` holds `{kind}`, and `{self.binding.name}` "
            f"takes texts{' or whole numbers' if self.binding.categories else ''}",
            help="map a column of texts to it, or leave its text steps out of `preprocess`",
        )

    def stacked(self, parts: list[Array]) -> Array:
        if self._texts:
            shape, kinds = self.binding.shape, {part.dtype for part in parts}
            if len(kinds) == 1 and shape and shape[-1] in (len(parts), None) and self._wide:
                return np.stack(parts, axis=1)
            if len(parts) > 2:
                raise failure(
                    "E0605",
                    f"{len(parts)} columns of `{shown(self.path)}` fill `{self.binding.name}`, "
                    "which takes one text or a pair of texts",
                    help="map one or two columns to it",
                )
            return np.stack(parts, axis=1)
        for name, part in zip(self.binding.columns, parts, strict=True):
            if part.dtype == object:
                self.number_wanted(name, part)
        if any(part.ndim > 1 for part in parts):
            return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return _side_by_side(parts)

    @property
    def _wide(self) -> bool:
        """Whether several texts a row are as many values, and not a pair to be cut up."""
        return self.binding.declared.dtype is DType.STRING

    def number_wanted(self, name: str, values: Array) -> None:
        """Raises at the first text that is no number."""
        for index, value in enumerate(values.reshape(len(values), -1)[:, 0].tolist()):
            try:
                float(value)
            except ValueError:
                shown_value = value if len(value) <= 40 else value[:37] + "..."
                raise self.bad(index, name, f"`{shown_value}` is not a number") from None

    def shaped(self, values: Array, count: int) -> Array:
        """The raw element type and the declared shape."""
        column = self.binding.columns[0]
        if values.dtype == object and (
            self.binding.text or (self._texts and not self.binding.shape)
        ):
            return values
        if values.dtype == object and self._texts and not self._wide:
            return values
        if values.dtype == object and not self._texts:
            self.number_wanted(column, values)
        values = values.reshape(count, -1)
        values = values if values.dtype == object else self._cast(values)
        given = values.shape[1]
        shape = self.binding.shape
        known = 1
        for dim in shape:
            known *= 1 if dim is None else dim
        unknown = shape.count(None)
        fits = given == known if unknown == 0 else unknown == 1 and known and given % known == 0
        if not fits and count:
            type = self.binding.declared
            single = len(self.binding.columns) == 1
            what = f"column `{column}`" if single else f"the {len(self.binding.columns)} columns"
            wants = f"wants {known}" if unknown == 0 else f"wants a multiple of {known}"
            if unknown > 1:
                wants = "leaves more than one size to the rows"
            raise failure(
                "E0606",
                f"`{shown(self.path)}`: {what} for `{self.binding.name}` "
                f"{'holds' if single else 'hold'} {given} "
                f"{_values(values, given)} a row, `{type}` {wants}",
                help=f"declare `{self.binding.name}` as the rows are, or map other columns to it",
            )
        target = [count, *(given // max(known, 1) if dim is None else dim for dim in shape)]
        return values.reshape(target)

    def _cast(self, values: Array) -> Array:
        declared = self.binding.declared.dtype
        if self.binding.missing and values.dtype.kind in "iub":
            values = values.astype(np.float64)
        if self.binding.raw is not None:
            return self._exact(values, np.dtype(self.binding.raw.value))
        if self.binding.absent is not None and values.dtype.kind == "f":
            values = np.where(np.isnan(values), self.binding.absent, values)
        if values.dtype.kind == "f" and declared.is_int:
            return self._exact(values, np.dtype(np.int64))
        if values.dtype.kind == "f":
            wide = declared is DType.FLOAT64
            return values.astype(np.float64 if wide else np.float32, copy=False)
        if declared is DType.BOOL and values.dtype.kind in "iu":
            return self._exact(values, np.dtype(np.bool_))
        return values

    def _exact(self, values: Array, dtype: np.dtype[Any]) -> Array:
        """Casts, or raises at the first value that the type does not hold."""
        if values.dtype == dtype:
            return values
        with np.errstate(invalid="ignore"):
            cast = values.astype(dtype)
        if dtype.kind == "f":
            return cast
        wrong = cast.astype(values.dtype) != values if values.dtype.kind != "b" else None
        if wrong is not None and dtype.kind == "u" and values.dtype.kind in "if":
            wrong |= values < 0
        if wrong is not None and wrong.any():
            index, place = (int(found[0]) for found in np.nonzero(wrong))
            column = self.binding.columns[place if len(self.binding.columns) > 1 else 0]
            what = "`true` or `false`" if dtype.kind == "b" else f"a whole number of type {dtype}"
            raise self.bad(index, column, f"`{values[index, place]}` is not {what}")
        return cast


def _side_by_side(columns: Sequence[Array]) -> Array:
    """Columns as `[rows, columns]`. A tile at a time, which the cache holds: written column by
    column, each row is fetched from memory as often as there are columns."""
    count = len(columns[0])
    found = np.empty((count, len(columns)), np.result_type(*columns))
    rows = max(1, _TILE_BYTES // (len(columns) * found.itemsize))
    for start in range(0, count, rows):
        stop = min(start + rows, count)
        tile = np.concatenate([column[start:stop] for column in columns])
        found[start:stop] = tile.reshape(len(columns), stop - start).T
    return found


def _values(values: Array, count: int) -> str:
    what = "text" if values.dtype == object else "number"
    return what if count == 1 else f"{what}s"


def _is_list(type: Any) -> bool:
    return bool(
        pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type)
    )
