"""Two tensors of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType
from dlc.compiler.ops._broadcast import broadcast
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops.base import OpError


def require_alike(op: str, first: TensorType, second: TensorType) -> None:
    """Raises E0406 where one of them is not float, or their types differ."""
    require_float(op, first, "x1")
    require_float(op, second, "x2")
    if first.dtype is not second.dtype:
        raise OpError(
            "E0406", f"`{op}` needs one element type, got {first} and {second}", blame="x2"
        )


def joined(op: str, first: TensorType, second: TensorType) -> TensorType:
    """The type of both, stretched to one shape. Raises E0406, E0402 and E0407."""
    require_alike(op, first, second)
    return first.with_shape(*broadcast(op, first, second, "x2"))


def power_text(t: TorchWriter, p: float | Literal["inf"]) -> str:
    """The power of a norm as source text, a whole one without a point."""
    if p == "inf":
        return 'float("inf")'
    return t.literal(int(p) if float(p).is_integer() else p)


def onnx_length(
    b: OnnxBuilder,
    x: str,
    p: float | Literal["inf"],
    dims: Sequence[int] = (-1,),
    *,
    keepdims: int,
) -> str:
    """The nodes of (Σ |x|ᵖ)^(1/p) over some dims."""
    axes = b.constant(dims, INT)
    if p in (1, 2):
        return b.node(f"ReduceL{int(p)}", x, axes, keepdims=keepdims)
    magnitude = b.node("Abs", x)
    if p == "inf":
        return b.node("ReduceMax", magnitude, axes, keepdims=keepdims)
    dtype = b.results[0].dtype
    powers = b.node("Pow", magnitude, b.scalar(p, dtype))
    total = b.node("ReduceSum", powers, axes, keepdims=keepdims)
    return b.node("Pow", total, b.scalar(1 / p, dtype))
