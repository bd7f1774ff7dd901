"""What the steps on numbers share."""

from __future__ import annotations

from dlc.compiler.components.base import ComponentError
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, DType, TensorType

#: TensorProto.FLOAT, the `to` of an ONNX Cast.
_ONNX_FLOAT = 1


def as_float(what: str, x: TensorType) -> TensorType:
    """The type with float32 numbers. Raises `ComponentError` for texts."""
    if x.dtype is DType.STRING:
        raise ComponentError(
            "E0406",
            f"`{what}` takes numbers, and the column holds texts",
            help="turn texts into numbers first, with `vocabulary` or `word`",
        )
    return x.with_dtype(FLOAT)


def to_float(b: OnnxBuilder) -> str:
    """The value at port `x` as float32."""
    return b["x"] if b.inputs.x.dtype is FLOAT else b.node("Cast", b["x"], to=_ONNX_FLOAT)
