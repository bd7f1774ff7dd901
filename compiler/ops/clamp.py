"""`clamp`: numbers brought within bounds."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Clamp(Op):
    """Numbers brought within bounds.

        x -> clamp(-1, 1)
        x -> clamp(min=1e-6) -> log

    y = min(max(x, lower), upper). Beyond a bound the gradient is 0.

    Arguments:
        min: the least that a number may be
        max: the greatest that a number may be
    """

    name: ClassVar[str] = "clamp"

    min: float | None = None
    max: float | None = None

    def validate(self) -> None:
        if self.min is None and self.max is None:
            raise OpError(
                "E0303",
                "`clamp` needs `min`, `max` or both",
                help="write `clamp(-1, 1)`, `clamp(min=0)` or `clamp(max=1)`",
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise OpError(
                "E0310",
                f"the least of `clamp` is {self.min:g}, above the greatest, {self.max:g}",
                blame="max",
                help="write `min` below `max`",
            )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_numbers(self.name, x)
        for field, bound in (("min", self.min), ("max", self.max)):
            if x.dtype.is_int and bound is not None and not bound.is_integer():
                raise OpError(
                    "E0406",
                    f"`clamp` of whole numbers takes a whole bound, got {bound:g} for {x}",
                    blame=field,
                    help="write `to(float)` before",
                )
        return x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",) if inputs.x.dtype.is_float else ()

    def gain(self, inputs: Inputs) -> float | None:
        low = -math.inf if self.min is None else self.min
        high = math.inf if self.max is None else self.max
        # ∫ z² φ(z) between the bounds, and the bounds themselves beyond.
        inside = _area(high) - _area(low) - (_edge(high) - _edge(low))
        below = low**2 * _area(low) if self.min is not None else 0.0
        above = high**2 * (1 - _area(high)) if self.max is not None else 0.0
        return inside + below + above

    def torch(self, t: TorchWriter) -> str:
        whole = t.inputs.x.dtype.is_int
        given = [
            f"{name}={t.literal(int(bound) if whole else bound)}"
            for name, bound in (("min", self.min), ("max", self.max))
            if bound is not None
        ]
        return f"torch.clamp({', '.join([t['x'], *given])})"

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.inputs.x.dtype
        bounds = [
            None if bound is None else b.scalar(int(bound) if dtype.is_int else bound, dtype)
            for bound in (self.min, self.max)
        ]
        return b.node("Clip", b["x"], *bounds)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(min=-0.5, max=1.0), {"x": float_tensor(n, 3, 4)}),
            Example(cls(min=0.1), {"x": float_tensor(n, t)}),
            Example(cls(max=0.1), {"x": float_tensor(n, t)}),
            Example(cls(min=-2.0, max=3.0), {"x": int_tensor(n, t)}, {"x": (-9, 9)}),
        )


def _area(z: float) -> float:
    """Of the normal density, left of z."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _edge(z: float) -> float:
    return z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) if math.isfinite(z) else 0.0
