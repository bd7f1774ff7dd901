"""`pow`: a power of each number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._broadcast import Arithmetic
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Pow(Arithmetic):
    """A power of each number.

        x ** 2
        x ** 0.5          # NaN where x is negative
        2 ** x

    Sizes must agree; where one is the number 1 or is missing in front, it stretches.

    Arguments:
        reverse: the number to the power of x, in place of x to the power of the number
    """

    name: ClassVar[str] = "pow"
    sign: ClassVar[str] = "**"
    onnx_type: ClassVar[str] = "Pow"

    reverse: bool = keyword(False)

    def infer(self, inputs: Inputs) -> TensorType:
        y = super().infer(inputs)
        negative = self.scalar is not None and self.scalar < 0 and not self.reverse
        if y.dtype.is_int and (negative or self.reverse or "other" in inputs):
            raise OpError(
                "E0406",
                f"`pow` of integers takes a whole exponent of at least 0, got {inputs.x}",
                blame="x",
                help="make it a float first, `1.0 * x`"
                if self.scalar is None or not self.scalar.is_integer()
                else "multiply by a number with a fraction to make a float of it",
            )
        return y

    def torch(self, t: TorchWriter) -> str:
        if self.reverse and self.scalar is not None:
            # A negative base would need brackets: -2 ** x is -(2 ** x).
            return f"torch.pow({t.literal(self.scalar)}, {t['x']})"
        return super().torch(t)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        if self.scalar is None:
            return ("x", "other", "y")
        if not inputs.x.dtype.is_float:
            return ()
        return ("x", "y") if self.reverse else ("x",)

    def gain(self, inputs: Inputs) -> float | None:
        # E[z⁴] of a normal number; other powers have no use for a rule.
        return 3.0 if self.scalar == 2 and not self.reverse else None

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        why = "powers of negative or huge numbers are not finite"
        return (
            Example(cls(scalar=2.0), {"x": float_tensor(n, t)}),
            Example(cls(scalar=3.0), {"x": float_tensor(n, 4)}),
            Example(cls(scalar=2.0), {"x": int_tensor(n, t)}, {"x": (-5, 5)}),
            Example(cls(scalar=2.0, reverse=True), {"x": float_tensor(n, 4)}),
            Example(
                cls(),
                {"x": float_tensor(n, 4), "other": int_tensor(n, 1)},
                {"other": (1, 4)},
                extremes=False,
                reason=why,
            ),
        )
