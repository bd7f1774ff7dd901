"""The header of a safetensors file: what tensors it holds, of which type and shape.

A file is eight bytes with the length of the header, the header as JSON, and the numbers of
all tensors one after the other. Nothing of a header is believed before it was checked: not
the lengths, not the shapes, not that the tensors fill the file without gap or overlap.

Source: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from dlc.compiler.ir.types import DType
from dlc.compiler.record import record

#: How many bytes stand before the header and hold its length.
LENGTH_BYTES: Final = 8
#: The largest header that is read; a thousand tensors take about a hundred kilobytes.
MAX_HEADER: Final = 32 << 20
MAX_TENSORS: Final = 200_000
_MAX_RANK: Final = 64
_METADATA: Final = "__metadata__"

# Bits of one element, and our element type where there is one that holds its values.
_TYPES: Final[Mapping[str, tuple[int, DType | None]]] = {
    "BOOL": (8, DType.BOOL),
    "U8": (8, DType.UINT8),
    "I8": (8, DType.INT8),
    "I16": (16, DType.INT16),
    "U16": (16, None),
    "I32": (32, DType.INT32),
    "U32": (32, None),
    "I64": (64, DType.INT64),
    "U64": (64, None),
    "F16": (16, DType.FLOAT16),
    "BF16": (16, DType.BFLOAT16),
    "F32": (32, DType.FLOAT32),
    "F64": (64, DType.FLOAT64),
    "F4": (4, None),
    "F6_E2M3": (6, None),
    "F6_E3M2": (6, None),
    "F8_E4M3": (8, None),
    "F8_E4M3FNUZ": (8, None),
    "F8_E5M2": (8, None),
    "F8_E5M2FNUZ": (8, None),
    "F8_E8M0": (8, None),
    "C64": (64, None),
}


class HeaderError(ValueError):
    """The text says why a file is no safetensors file."""


@record
class Stored:
    """One tensor of a file. `code` is the format's name of the element type, `dtype` ours,
    None where we have none; the numbers are bytes `begin` to `end` behind the header."""

    code: str
    dtype: DType | None
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def elements(self) -> int:
        return _product(self.shape)

    @property
    def type_name(self) -> str:
        return self.dtype.value if self.dtype is not None else self.code

    def __str__(self) -> str:
        return f"{self.type_name}{list(self.shape)}"


def header_length(start: bytes, size: int) -> int:
    """The bytes of the header of a file of `size` bytes that begins with `start`.

    Raises `HeaderError`.
    """
    if len(start) < LENGTH_BYTES:
        raise HeaderError(f"it has {size} bytes, and the length of the header alone takes 8")
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if length > size - LENGTH_BYTES:
        raise HeaderError(f"its header would take {length:,} bytes, and the file has {size:,}")
    if length > MAX_HEADER:
        raise HeaderError(f"its header takes {length:,} bytes, over the limit of {MAX_HEADER:,}")
    return length


def read_header(text: bytes, data_bytes: int) -> dict[str, Stored]:
    """The tensors by name, in the order of the header; `data_bytes` stand behind it.

    Raises `HeaderError` for what the format does not allow.
    """
    tensors = {
        name: _stored(name, fields) for name, fields in _parsed(text).items() if name != _METADATA
    }
    _check_layout(tensors, data_bytes)
    return tensors


def _parsed(text: bytes) -> dict[str, Any]:
    if text.count(b"{") > MAX_TENSORS + 2 or text.count(b"[") > 2 * MAX_TENSORS:
        raise HeaderError(f"its header lists more than {MAX_TENSORS:,} tensors")
    try:
        found = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refused)
    except HeaderError:
        raise
    # Deep brackets end in a RecursionError, long numbers and bad UTF-8 in ValueErrors.
    except (ValueError, RecursionError):
        raise HeaderError("its header is no JSON") from None
    if not isinstance(found, dict):
        raise HeaderError("its header is no JSON object")
    metadata = found.get(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise HeaderError("its metadata are no texts by name")
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise HeaderError(f"its header lists `{short(twice)}` twice")
    return found


def _refused(word: str) -> Any:
    raise HeaderError(f"its header holds {word}, which is no JSON")


def _stored(name: str, fields: Any) -> Stored:
    if not isinstance(fields, dict) or set(fields) != {"dtype", "shape", "data_offsets"}:
        raise HeaderError(f"`{short(name)}` is not given by `dtype`, `shape` and `data_offsets`")
    code = fields["dtype"]
    known = _TYPES.get(code) if isinstance(code, str) else None
    if known is None:
        raise HeaderError(f"`{short(name)}` has the unknown element type `{short(str(code))}`")
    shape, offsets = fields["shape"], fields["data_offsets"]
    if not _sizes(shape) or len(shape) > _MAX_RANK:
        raise HeaderError(f"the shape of `{short(name)}` is no list of sizes")
    if not _sizes(offsets) or len(offsets) != 2:
        raise HeaderError(f"the place of `{short(name)}` is no pair of offsets")
    begin, end = offsets
    bits, dtype = known
    wanted = _product(shape) * bits
    if wanted % 8 or end - begin != wanted // 8:
        raise HeaderError(
            f"`{short(name)}` is {code}{_sized(shape)}, which takes {wanted / 8:,.0f} bytes, "
            f"and it has {max(end - begin, 0):,}"
            if wanted < 1 << 60
            else f"`{short(name)}` is larger than any file"
        )
    return Stored(code, dtype, tuple(shape), begin, end)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 1 << 63
        for size in value
    )


def _check_layout(tensors: Mapping[str, Stored], data_bytes: int) -> None:
    """The tensors follow each other from the first byte to the last."""
    # A tensor without elements takes no bytes and stands before what begins there.
    placed = sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end))
    if placed and placed[0][1].begin:
        raise HeaderError(f"nothing is said of the first {placed[0][1].begin:,} bytes")
    for (before, first), (after, second) in pairwise(placed):
        if second.begin < first.end:
            raise HeaderError(f"`{short(before)}` and `{short(after)}` overlap")
        if second.begin > first.end:
            raise HeaderError(f"there is a gap between `{short(before)}` and `{short(after)}`")
    end = placed[-1][1].end if placed else 0
    if end > data_bytes:
        raise HeaderError(f"it is cut off: {end - data_bytes:,} bytes are missing at the end")
    if end < data_bytes:
        raise HeaderError(f"{data_bytes - end:,} bytes at its end belong to no tensor")


def _product(shape: tuple[int, ...] | list[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _sized(shape: list[int]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def short(text: str) -> str:
    """A name as a message shows it; a file may hold any."""
    return text if len(text) <= 120 else text[:80] + "…" + text[-30:]
