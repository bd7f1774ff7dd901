"""Comparisons of two tensors, or of a tensor and a number: flags."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import (
    BOOL,
    FLOAT,
    DType,
    TensorType,
    bool_tensor,
    float_tensor,
    int_tensor,
)
from dlc.compiler.ops._broadcast import broadcast, onnx_cast, promote
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component

# Beyond it whole numbers of float are not those that are written.
_EXACT = 2.0**53


@component
class Comparison(Op):
    """A comparison of two tensors, or of a tensor and a number.

    Class variables: `sign`, in Python; `onnx_type`, the ONNX operator, and `negated` where the
    result is its opposite; `orders`, whether it asks for an order, which flags have not.

    Arguments:
        scalar: the number, where there is no second tensor
    """

    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        Port("other", "the second tensor", optional=True),
    )
    sign: ClassVar[str]
    onnx_type: ClassVar[str]
    negated: ClassVar[bool] = False
    orders: ClassVar[bool] = True

    scalar: float | None = None

    def infer(self, inputs: Inputs) -> TensorType:
        x, other = inputs.x, inputs.get("other")
        if (other is None) == (self.scalar is None):
            raise OpError(
                "E0410",
                f"`{self.name}` compares two, got {'one' if other is None else 'three'}",
                blame="x" if other is None else "scalar",
                help=f"write `x -> {self.name}(0)`, or `[a, b] -> {self.name}`",
            )
        bools = not self.orders and self.scalar is None
        require_numbers(self.name, x, bools=bools)
        if other is None:
            return x.with_dtype(BOOL)
        require_numbers(self.name, other, "other", bools=bools)
        promote(self.name, x.dtype, other.dtype)
        return TensorType(BOOL, broadcast(self.name, x, other))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def _whole(self, dtype: DType) -> bool:
        """Whether the number is compared as a whole one."""
        assert self.scalar is not None
        return dtype.is_int and self.scalar.is_integer() and abs(self.scalar) <= _EXACT

    def torch(self, t: TorchWriter) -> str:
        if self.scalar is None:
            return f"{t['x']} {self.sign} {t['other']}"
        whole = self._whole(t.inputs.x.dtype)
        return f"{t['x']} {self.sign} {t.literal(int(self.scalar) if whole else self.scalar)}"

    def onnx(self, b: OnnxBuilder) -> str:
        have = b.inputs.x.dtype
        if self.scalar is not None:
            whole = self._whole(have)
            dtype = have if whole or have.is_float else FLOAT
            right = b.scalar(int(self.scalar) if whole else self.scalar, dtype)
        else:
            other = b.inputs["other"].dtype
            dtype = promote(self.name, have, other)
            right = onnx_cast(b, b["other"], other, dtype)
        found = b.node(self.onnx_type, onnx_cast(b, b["x"], have, dtype), right)
        return b.node("Not", found) if self.negated else found

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        tokens = {"x": (-1, 3)}
        found = (
            Example(cls(scalar=0.0), {"x": int_tensor(n, t)}, tokens),
            Example(cls(scalar=0.5), {"x": int_tensor(n, t)}, tokens),
            Example(cls(scalar=-0.25), {"x": float_tensor(n, t, 3)}),
            Example(cls(), {"x": float_tensor(n, t), "other": float_tensor(n, 1)}),
            Example(
                cls(),
                {"x": int_tensor(n, t), "other": int_tensor(t)},
                {"x": (0, 3), "other": (0, 3)},
            ),
            Example(cls(), {"x": float_tensor(n, 4), "other": int_tensor(n, 4)}, {"other": (0, 2)}),
        )
        if cls.orders:
            return found
        return (*found, Example(cls(), {"x": bool_tensor(n, t), "other": bool_tensor(n, t)}))
