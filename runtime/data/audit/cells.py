"""Cells of a table as numbers, codes and 64-bit fingerprints, a chunk at a time.

Unlike what training reads, nothing here stops at a bad value: a missing one is NaN, one
that is no finite number is NaN and counted, so that an audit tells of all of them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers: TypeAlias = npt.NDArray[np.float64]
Prints: TypeAlias = npt.NDArray[np.uint64]
Codes: TypeAlias = npt.NDArray[np.int64]

# Beyond so many different texts a column counts as free text.
MOST_TEXTS = 65_536
MISSING_CODE = -1
OTHER_CODE = -2

_ODD = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mix(values: Prints) -> Prints:
    """Scrambles 64 bits so that every bit of a value decides every bit of the result.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014),
    as SplitMix64.
    """
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


def odd_multipliers(count: int, start: int = 0) -> Prints:
    """A fixed odd multiplier for each place from `start` on: sums of scrambled cells times
    these tell orders apart, and may be taken in any order of chunks."""
    places = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    return mix(places * _ODD) | np.uint64(1)


def prints_of(numbers: Numbers) -> Prints:
    """The fingerprint of each number; 0 and -0 are one, and so are all NaN."""
    # Adding 0 turns -0 into 0.
    plain = np.where(np.isnan(numbers), np.nan, numbers + 0.0)
    return mix(np.ascontiguousarray(plain).view(np.uint64) + _ODD)


def flat_array(chunked: Any) -> Any:
    """A column of a table as one Arrow array, its dictionary resolved."""
    array = pa.concat_arrays(chunked.chunks) if chunked.num_chunks else pa.nulls(0)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def is_list(type: Any) -> bool:
    return bool(
        pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type)
    )


def innermost(type: Any) -> Any:
    """What lists of lists hold in the end."""
    while is_list(type):
        type = type.value_type
    return type


def is_text(type: Any) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def is_number(type: Any) -> bool:
    return bool(
        pa.types.is_integer(type)
        or pa.types.is_floating(type)
        or pa.types.is_boolean(type)
        or pa.types.is_decimal(type)
    )


@dataclass(frozen=True, kw_only=True)
class NumberCells:
    """`numbers` with NaN for what is missing or unreadable; `missing` marks the first kind,
    `unreadable` the second."""

    numbers: Numbers
    missing: npt.NDArray[np.bool_]
    unreadable: npt.NDArray[np.bool_]


def numbers_in(array: Any) -> NumberCells:
    """Any Arrow array as numbers. What is neither number nor text is unreadable."""
    count = len(array)
    missing = np.asarray(array.is_null().to_numpy(zero_copy_only=False), np.bool_)
    if is_text(array.type):
        numbers = _parsed(array)
    elif is_number(array.type):
        numbers = np.asarray(pc.cast(array, pa.float64()).to_numpy(zero_copy_only=False))
        if pa.types.is_floating(array.type):
            missing = np.isnan(numbers)
    else:
        numbers = np.full(count, np.nan)
    unreadable = ~np.isfinite(numbers) & ~missing
    if unreadable.any():
        numbers = np.where(unreadable, np.nan, numbers)
    return NumberCells(numbers=numbers, missing=missing, unreadable=unreadable)


def _parsed(array: Any) -> Numbers:
    try:
        return np.asarray(pc.cast(array, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return np.array([_number(text) for text in array.to_pylist()], np.float64)


def _number(text: str | None) -> float:
    try:
        return math.nan if text is None else float(text)
    except ValueError:
        return math.nan


class TextCodes:
    """Texts as codes in the order in which they appear, counted: the same whatever the chunks
    are. `counts` holds the first `MOST_TEXTS` different ones."""

    def __init__(self) -> None:
        self.counts: dict[str | bytes, int] = {}
        self.full = False
        self._codes: dict[str | bytes, int] = {}

    def add(self, array: Any) -> tuple[Codes, Prints]:
        """The code and the fingerprint of each text of a chunk."""
        encoded = _as_text(array).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        index = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False))
        counts = np.bincount(index[index >= 0], minlength=len(texts)).tolist()
        codes = np.empty(len(texts) + 1, np.int64)
        prints = np.empty(len(texts) + 1, np.uint64)
        for place, (text, count) in enumerate(zip(texts, counts, strict=True)):
            code = self._codes.get(text)
            if code is None and len(self._codes) < MOST_TEXTS:
                code = self._codes[text] = len(self._codes)
            if code is None:
                self.full = True
                codes[place] = OTHER_CODE
            else:
                codes[place] = code
                self.counts[text] = self.counts.get(text, 0) + count
            prints[place] = _print_of(text)
        # Index -1, what is missing, reads the last place.
        codes[-1], prints[-1] = MISSING_CODE, prints_of(np.array([np.nan]))[0]
        return codes[index], prints[index]

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts by their codes."""
        return tuple(shown_text(text) for text in self.counts)


def _print_of(text: str | bytes) -> np.uint64:
    """That of the number where the text is one, so that `1` in a column of classes is the 1 of
    a column of numbers; `007` is no number."""
    if isinstance(text, str) and (number := _number(text)) == number:
        digits = text.lstrip("-")
        if not digits.startswith("0") or digits == "0" or digits.startswith("0."):
            found: np.uint64 = prints_of(np.array([number]))[0]
            return found
    raw = text.encode() if isinstance(text, str) else text
    digest = hashlib.blake2b(raw, digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def shown_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"{len(value)} bytes"


def _as_text(array: Any) -> Any:
    kind = array.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or is_text(kind):
        return array
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return pc.cast(array, pa.string())
    try:
        return pc.cast(array, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())


@dataclass(frozen=True, kw_only=True)
class ListCells:
    """A column of lists: the numbers of all rows one after the other, how many each row has,
    and whether a row is missing."""

    numbers: Numbers
    lengths: npt.NDArray[np.int64]
    missing: npt.NDArray[np.bool_]

    @property
    def width(self) -> int | None:
        """How many numbers every row has; None where rows differ."""
        if len(self.lengths) and (self.lengths == self.lengths[0]).all():
            return int(self.lengths[0])
        return None

    def prints(self) -> Prints:
        """A fingerprint for each row."""
        if not len(self.numbers):
            return mix(self.lengths.astype(np.uint64) + _ODD)
        starts = np.cumsum(self.lengths) - self.lengths
        width = self.width
        if width:
            cells = prints_of(self.numbers).reshape(-1, width)
            return mix(cells @ odd_multipliers(width))
        within = np.arange(len(self.numbers)) - np.repeat(starts, self.lengths)
        multipliers = odd_multipliers(int(self.lengths.max()))[within]
        sums = np.concatenate([[np.uint64(0)], np.cumsum(prints_of(self.numbers) * multipliers)])
        found: Prints = sums[starts + self.lengths] - sums[starts]
        return mix(found + self.lengths.astype(np.uint64) * _ODD)


def lists_in(array: Any) -> ListCells:
    """A column of lists, nested ones flattened."""
    missing = np.asarray(array.is_null().to_numpy(zero_copy_only=False), np.bool_)
    lengths = np.ones(len(array), np.int64)
    offsets = np.arange(len(array) + 1)
    while is_list(array.type):
        own = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        ends = np.concatenate([[0], np.cumsum(own)]).astype(np.int64)
        if pa.types.is_fixed_size_list(array.type) and array.null_count:
            array = array.cast(pa.list_(array.type.value_type))
        array = array.flatten()
        offsets = ends[offsets]
        lengths = np.diff(offsets)
    return ListCells(numbers=numbers_in(array).numbers, lengths=lengths, missing=missing)
