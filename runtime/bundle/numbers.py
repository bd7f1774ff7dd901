"""The number format of a model file, and how near its answers are on another machine."""

from __future__ import annotations

from pathlib import Path

from dlc.runtime.export.parity import FLOAT32_CPU, Tolerance
from dlc.runtime.inference.model_files import load_proto

FLOAT32 = "float32"

# Formats of fewer bits round sooner, and processors differ in how: some add products of 8 bits
# in 16, which may overflow.
_TOLERANCES = {
    "int8": Tolerance(5e-2, 1e-1),
    "uint8": Tolerance(5e-2, 1e-1),
    "bfloat16": Tolerance(1e-2, 3e-2),
    "float16": Tolerance(1e-3, 1e-2),
}
# Fewer numbers are a table or a scale, not the weights of a layer.
_LEAST = 16


def number_format(path: Path) -> str:
    """The coarsest element type that weights of a model file have."""
    import onnx

    found: set[str] = set()
    for tensor in load_proto(path).graph.initializer:
        count = 1
        for dim in tensor.dims:
            count *= dim
        if count >= _LEAST:
            found.add(str(onnx.TensorProto.DataType.Name(tensor.data_type)).lower())
    return next((kind for kind in _TOLERANCES if kind in found), FLOAT32)


def tolerance_of(path: Path) -> Tolerance:
    """How far the answers of a model file may stray on another processor."""
    return _TOLERANCES.get(number_format(path), FLOAT32_CPU)
