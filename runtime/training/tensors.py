"""Safetensors, written tensor by tensor and read from bytes that were verified.

The library builds a file in memory, or writes it where an error has no number; written
here, a model needs no second copy of itself and a full disk is told as such.

Source: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

_NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def encode(tensors: Mapping[str, Any]) -> Iterator[bytes | memoryview]:
    """The file of numpy arrays or torch tensors, in pieces; equal tensors give equal bytes."""
    header: dict[str, object] = {}
    offset = 0
    names = sorted(tensors)
    for name in names:
        tensor = tensors[name]
        dtype = str(tensor.dtype).removeprefix("torch.")
        size = int(tensor.nbytes)
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in names:
        array = _on_host(tensors[name])
        if array.nbytes:
            yield np.atleast_1d(array).data.cast("B")


def _on_host(tensor: Any) -> Array:
    if not isinstance(tensor, np.ndarray):
        tensor = tensor.detach().cpu().numpy()
    array = np.ascontiguousarray(tensor)
    # The format is little-endian.
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def decode(content: bytes) -> dict[str, Array]:
    """The arrays of a file; a ValueError for what is no such file."""
    from safetensors.numpy import load

    try:
        return dict(load(content))
    # safetensors raises an exception class of its own, and KeyErrors.
    except Exception as error:
        raise ValueError(str(error)) from None
