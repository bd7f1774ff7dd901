"""Tensors as the protocol writes them: its datatypes, raw bytes, and lists in JSON.

Source: Open Inference Protocol v2, "Tensor Data Types" and the binary tensor data extension.
Raw tensors are row-major and little-endian; an element of BYTES is its length in four bytes
and then itself.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dlc.compiler.ir.types import DType
from dlc.runtime.serving.refusals import bad, quoted

Array = npt.NDArray[Any]

#: The protocol's name of each element type of a model's inputs and outputs.
NAMES: Final[dict[DType, str]] = {
    DType.BOOL: "BOOL",
    DType.UINT8: "UINT8",
    DType.INT8: "INT8",
    DType.INT16: "INT16",
    DType.INT32: "INT32",
    DType.INT64: "INT64",
    DType.FLOAT16: "FP16",
    DType.FLOAT32: "FP32",
    DType.FLOAT64: "FP64",
    DType.STRING: "BYTES",
}
BYTES: Final = "BYTES"
_NUMPY: Final[dict[str, np.dtype[Any]]] = {
    name: np.dtype(object if name == BYTES else dtype.value).newbyteorder("<")
    for dtype, name in NAMES.items()
}
#: The largest number of each type of floating point.
MOST: Final = {"FP16": 65504.0, "FP32": 3.4028234663852886e38, "FP64": 1.7976931348623157e308}
_LENGTH: Final = struct.Struct("<I")


def name_of(array: Array) -> str:
    """The protocol's name of the element type of an array."""
    if array.dtype.kind in "OUS":
        return BYTES
    return NAMES[DType(array.dtype.name)]


def size_of(datatype: str) -> int | None:
    """Bytes of an element; None where they differ."""
    return None if datatype == BYTES else _NUMPY[datatype].itemsize


# ── raw bytes ────────────────────────────────────────────────────────────────


def from_raw(name: str, datatype: str, shape: Sequence[int], content: memoryview) -> Array:
    """The array of a raw tensor; elements of BYTES are `bytes`. Raises `Refusal` 400."""
    count = math.prod(shape)
    if datatype == BYTES:
        return _elements(name, count, content).reshape(tuple(shape))
    dtype = _NUMPY[datatype]
    if len(content) != count * dtype.itemsize:
        raise bad(
            f"input {quoted(name)}: {len(content)} bytes, and {count} elements of {datatype} "
            f"take {count * dtype.itemsize}"
        )
    if datatype == "BOOL":
        flags = np.frombuffer(content, np.uint8)
        if flags.size and flags.max() > 1:
            raise bad(f"input {quoted(name)}: a byte of BOOL is 0 or 1")
        return flags.astype(np.bool_).reshape(tuple(shape))
    # A copy is aligned, and does not keep the whole body alive.
    return np.frombuffer(content, dtype).astype(dtype.newbyteorder("=")).reshape(tuple(shape))


def _elements(name: str, count: int, content: memoryview) -> Array:
    if count * _LENGTH.size > len(content):
        raise bad(f"input {quoted(name)}: too few bytes for {count} elements of BYTES")
    found = np.empty(count, object)
    place = 0
    for index in range(count):
        start = place + _LENGTH.size
        if start > len(content):
            raise bad(f"input {quoted(name)}: element {index} of BYTES is cut off")
        place = start + _LENGTH.unpack_from(content, place)[0]
        if place > len(content):
            raise bad(f"input {quoted(name)}: element {index} of BYTES is cut off")
        found[index] = bytes(content[start:place])
    if place != len(content):
        raise bad(f"input {quoted(name)}: bytes are left over after {count} elements")
    return found


def to_raw(array: Array) -> bytes:
    """The reverse."""
    if name_of(array) != BYTES:
        dtype = array.dtype.newbyteorder("<")
        return np.ascontiguousarray(array, dtype).tobytes()
    parts = []
    for element in array.reshape(-1).tolist():
        content = element if isinstance(element, bytes) else str(element).encode()
        parts += [_LENGTH.pack(len(content)), content]
    return b"".join(parts)


# ── lists ────────────────────────────────────────────────────────────────────


def from_list(name: str, datatype: str, shape: Sequence[int], data: object) -> Array:
    """The array of data in JSON, flat or nested as `shape` says; elements of BYTES are `bytes`.
    Raises `Refusal` 400 for other values, other lengths, and numbers that the type cannot hold."""
    if not isinstance(data, list):
        raise bad(f"input {quoted(name)}: `data` is a list")
    return from_values(name, datatype, shape, _flat(name, shape, data))


def from_values(name: str, datatype: str, shape: Sequence[int], values: Sequence[Any]) -> Array:
    """The array of its elements in order."""
    count = math.prod(shape)
    if len(values) != count:
        raise bad(
            f"input {quoted(name)}: {len(values)} values, and a shape of {list(shape)} has {count}"
        )
    kinds = set(map(type, values))
    if datatype == BYTES:
        found = np.empty(count, object)
        if not kinds <= {str, bytes}:
            raise _wrong(name, datatype, "texts")
        try:
            found[:] = [v if isinstance(v, bytes) else v.encode() for v in values]
        except UnicodeEncodeError:
            raise bad(f"input {quoted(name)}: a text holds half of a surrogate pair") from None
        return found.reshape(tuple(shape))
    dtype = _NUMPY[datatype].newbyteorder("=")
    if datatype == "BOOL":
        if not kinds <= {bool}:
            raise _wrong(name, datatype, "`true` or `false`")
    elif dtype.kind in "iu":
        if kinds == {int, float} or kinds == {float}:
            # JSON has one kind of number: 3.0 is a whole one.
            values = [int(v) if isinstance(v, int) or v.is_integer() else None for v in values]
            kinds = set(map(type, values))
        if not kinds <= {int}:
            raise _wrong(name, datatype, "whole numbers")
        bounds = np.iinfo(dtype)
        if values and not bounds.min <= min(values) <= max(values) <= bounds.max:
            raise bad(f"input {quoted(name)}: a number is outside the range of {datatype}")
    elif not kinds <= {int, float}:
        raise _wrong(name, datatype, "numbers")
    if dtype.kind != "f":
        return np.array(values, dtype).reshape(tuple(shape))
    try:
        array = np.array(values, np.float64)
    except OverflowError:
        array = np.array(np.inf)
    # NaN fails the comparison, too. Rounding would let some pass that are larger.
    if not (np.abs(array) <= MOST[datatype]).all():
        raise bad(f"input {quoted(name)}: a number is not finite in {datatype}")
    return array.astype(dtype).reshape(tuple(shape))


def _flat(name: str, shape: Sequence[int], data: list[Any]) -> list[Any]:
    if not any(isinstance(item, list) for item in data):
        return data
    level = data
    for depth, size in enumerate(shape):
        if depth == 0:
            if len(level) != size:
                raise bad(f"input {quoted(name)}: `data` is nested otherwise than `shape` says")
            continue
        if not all(isinstance(item, list) and len(item) == size for item in level):
            raise bad(f"input {quoted(name)}: `data` is nested otherwise than `shape` says")
        level = [value for item in level for value in item]
    return level


def _wrong(name: str, datatype: str, wanted: str) -> Exception:
    return bad(f"input {quoted(name)}: the values of {datatype} are {wanted}")


def to_list(name: str, array: Array) -> list[Any]:
    """The elements as JSON holds them, flat; what is not finite is null, which numpy reads as
    NaN. Raises `Refusal` 400 for bytes that are no text."""
    if name_of(array) == BYTES:
        return [_text(name, element) for element in array.reshape(-1).tolist()]
    found: list[Any] = array.reshape(-1).tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return [value if math.isfinite(value) else None for value in found]
    return found


def _text(name: str, element: object) -> str:
    if not isinstance(element, bytes):
        return str(element)
    try:
        return element.decode()
    except UnicodeDecodeError:
        raise bad(
            f"output {quoted(name)} holds bytes that are no text: ask for it as binary data"
        ) from None
