"""Types of values: an element type and a shape."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from dlc.compiler.ir.dims import Dim, product

Shape: TypeAlias = tuple[Dim, ...]


class DType(Enum):
    """Element types. In a spec `float` is float32 and `int` is int64; precision is a
    matter of training and export."""

    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    BOOL = "bool"
    STRING = "string"

    @property
    def is_float(self) -> bool:
        return self in _FLOATS

    @property
    def is_int(self) -> bool:
        return self in _INTS

    @property
    def bytes(self) -> int:
        """The size of one element; a string counts as one pointer."""
        return _BYTES[self]

    @property
    def onnx(self) -> int:
        """The number that `onnx.TensorProto.DataType` gives it; `Cast` takes it."""
        return _ONNX[self]

    @property
    def spec_name(self) -> str:
        """As a spec spells it: `float`, `int`, or the sized name."""
        return {"float32": "float", "int64": "int"}.get(self.value, self.value)


_FLOATS = frozenset({DType.FLOAT16, DType.BFLOAT16, DType.FLOAT32, DType.FLOAT64})
_INTS = frozenset({DType.INT8, DType.INT16, DType.INT32, DType.INT64, DType.UINT8})
_BYTES = {
    DType.FLOAT16: 2,
    DType.BFLOAT16: 2,
    DType.FLOAT32: 4,
    DType.FLOAT64: 8,
    DType.INT8: 1,
    DType.INT16: 2,
    DType.INT32: 4,
    DType.INT64: 8,
    DType.UINT8: 1,
    DType.BOOL: 1,
    DType.STRING: 8,
}

_ONNX = {
    DType.FLOAT32: 1,
    DType.UINT8: 2,
    DType.INT8: 3,
    DType.INT16: 5,
    DType.INT32: 6,
    DType.INT64: 7,
    DType.STRING: 8,
    DType.BOOL: 9,
    DType.FLOAT16: 10,
    DType.FLOAT64: 11,
    DType.BFLOAT16: 16,
}

FLOAT = DType.FLOAT32
INT = DType.INT64
BOOL = DType.BOOL

SPEC_DTYPES: dict[str, DType] = {"float": FLOAT, "int": INT} | {t.value: t for t in DType}


@dataclass(frozen=True, slots=True)
class TensorType:
    """`float[N, 64, H, W]`: element type and sizes, batch first."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def elements(self) -> Dim:
        return product(self.shape)

    def with_shape(self, *shape: Dim) -> TensorType:
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    @property
    def shape_text(self) -> str:
        return "[" + ", ".join(str(d) for d in self.shape) + "]"

    def __str__(self) -> str:
        return f"{self.dtype.spec_name}{self.shape_text}"


def float_tensor(*shape: Dim) -> TensorType:
    return TensorType(FLOAT, shape)


def int_tensor(*shape: Dim) -> TensorType:
    return TensorType(INT, shape)


def bool_tensor(*shape: Dim) -> TensorType:
    return TensorType(BOOL, shape)
