"""How far numbers are from their mean."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Answer, symbol
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import at_least, range_help, require_float
from dlc.compiler.ops._reduction import Reduction
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Spread(Reduction):
    """The variance over some dims, or its root.

    Arguments:
        correction: what is taken off the number n that the sum of squares is divided by: 1
            for a sample of a larger whole, 0 for the whole
    """

    onnx_type: ClassVar[str] = "ReduceMean"

    correction: int = keyword(1)

    def validate(self) -> None:
        if self.correction < 0:
            raise OpError(
                "E0302",
                f"`correction` is at least 0, got {self.correction}",
                blame="correction",
            )

    def require(self, x: TensorType) -> None:
        require_float(self.name, x)
        count, least = self.count(x), self.correction + 1
        answer = at_least(count, least)
        if answer is Answer.EQUAL:
            return
        raise OpError(
            "E0302" if answer is Answer.DIFFERENT else "E0407",
            f"`{self.name}` with correction={self.correction} takes {least} numbers or more, got"
            f" {count} of {x}",
            blame="dim",
            help="write `correction=0`"
            if answer is Answer.DIFFERENT
            else f"write `correction=0`, or {range_help(count, least)}",
        )

    def torch_arguments(self, t: TorchWriter) -> list[str]:
        given = super().torch_arguments(t)
        if self.correction != 1:
            # Behind `dim`, before `keepdim`, as PyTorch has them.
            given.insert(1, f"correction={t.literal(self.correction)}")
        return given

    def onnx_variance(self, b: OnnxBuilder) -> str:
        """The nodes of the variance."""
        x = b.inputs.x
        mean = self.onnx_reduce(b, "ReduceMean", b["x"], keep=True)
        off = b.node("Sub", b["x"], mean)
        squares = b.node("Mul", off, off)
        if self.correction == 0:
            return self.onnx_reduce(b, "ReduceMean", squares)
        total = self.onnx_reduce(b, "ReduceSum", squares)
        count = self.count(x) - self.correction
        if isinstance(count, int):
            return b.node("Div", total, b.scalar(float(count), x.dtype))
        return b.node("Div", total, b.node("Cast", b.dim(count), to=x.dtype.onnx))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N", 2), symbol("T", 2)
        return (
            Example(cls(dim=1), {"x": float_tensor(n, t, 4)}),
            Example(cls(dim=(-1, 1), correction=0), {"x": float_tensor(n, 3, t, 4)}),
            Example(cls(dim=-1, keepdim=True), {"x": float_tensor(n, t, 4)}),
            Example(cls(dim=-1, correction=2, keepdim=True), {"x": float_tensor(n, t, 4)}),
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(correction=0), {"x": float_tensor(n, 3)}),
        )
