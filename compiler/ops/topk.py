"""`topk`: the greatest or least numbers along a dim, and where they stand."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Answer, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import at_least, axis, range_help
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Topk(Op):
    """The k greatest numbers along a dim, and where they stand.

        values, places = scores -> topk(5)               # float[N, 5], int[N, 5]
        values, places = distances -> topk(3, largest=false)

    In order, the greatest (or least) first. Which of equal numbers comes first, or is taken
    at all, is not said. PyTorch's `sorted=False` has no counterpart: an order that nobody
    knows would be another one after export.

    Arguments:
        k: how many
        dim: the dim along which they are chosen
        largest: whether the greatest are taken, else the least
    """

    name: ClassVar[str] = "topk"
    results: ClassVar[tuple[str, ...]] = ("values", "indices")

    k: Positive
    dim: int = -1
    largest: bool = True

    def infer(self, inputs: Inputs) -> tuple[TensorType, ...]:
        x = inputs.x
        require_numbers(self.name, x)
        dim = axis(self.name, x, self.dim)
        size = x.shape[dim]
        answer = at_least(size, self.k)
        if answer is not Answer.EQUAL:
            raise OpError(
                "E0302" if answer is Answer.DIFFERENT else "E0407",
                f"`topk` takes {self.k} of at least as many numbers, got {size} along dim"
                f" {self.dim} of {x}",
                blame="k",
                help=range_help(size, self.k) if answer is Answer.UNKNOWN else None,
            )
        values = x.with_shape(*x.shape[:dim], self.k, *x.shape[dim + 1 :])
        return values, values.with_dtype(INT)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("indices",) if inputs.x.dtype.is_float else ()

    def torch(self, t: TorchWriter) -> str:
        given = [t.literal(self.k)]
        if self.dim != -1:
            given.append(f"dim={t.literal(self.dim)}")
        if not self.largest:
            given.append(f"largest={t.literal(self.largest)}")
        return f"{t['x']}.topk({', '.join(given)})"

    def onnx(self, b: OnnxBuilder) -> tuple[str, ...]:
        return b.nodes(
            "TopK",
            b["x"],
            b.constant([self.k], INT),
            outputs=2,
            axis=self.dim,
            largest=int(self.largest),
            sorted=1,
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T", 2)
        why = "equal numbers stand in an order of their own on each side"
        return (
            Example(cls(k=3), {"x": float_tensor(n, 5)}, extremes=False, reason=why),
            Example(cls(k=2, dim=1), {"x": float_tensor(n, t, 3)}, extremes=False, reason=why),
            Example(
                cls(k=1, dim=-2, largest=False),
                {"x": float_tensor(n, t, 3)},
                extremes=False,
                reason=why,
            ),
            Example(cls(k=2), {"x": int_tensor(n, 4)}, {"x": (-(1 << 40), 1 << 40)}),
        )
