"""`reshape`: the same numbers in other dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import Shape, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._reshape import check_sizes, onnx_reshape, settled
from dlc.compiler.ops._subscript import bare
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Reshape(Op):
    """The same numbers, in the same order, in other dims.

        reshape(N, 16, -1)        # [N, 16, 5, 5] -> [N, 16, 25]
        reshape(N, T, heads, -1)

    The batch is a size like the others. One size may be -1: what is left.

    Arguments:
        sizes: the size of each dim; -1 at most once
    """

    name: ClassVar[str] = "reshape"
    variadic: ClassVar[str | None] = "sizes"

    sizes: tuple[Dim, ...]

    def validate(self) -> None:
        check_sizes(self.name, self.sizes)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        advice = "keep the dims that are not known as they are, `reshape(N, T, -1)`"
        what = "number of elements"
        return x.with_shape(*settled(self.name, self.sizes, x.elements, what, x.shape_text, advice))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        sizes = ", ".join("-1" if size == -1 else bare(t, size) for size in self.sizes)
        return f"{t['x']}.reshape({sizes})"

    def onnx(self, b: OnnxBuilder) -> str:
        result: Shape = b.results[0].shape
        return onnx_reshape(b, b["x"], b.inputs.x.shape, result)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(sizes=(n, 6, -1)), {"x": float_tensor(n, 6, 2, 3)}),
            Example(cls(sizes=(n, t, 2, 3)), {"x": float_tensor(n, t, 6)}),
            Example(cls(sizes=(n * t, 6)), {"x": float_tensor(n, t, 6)}),
            Example(cls(sizes=(n, 2 * t, -1)), {"x": float_tensor(n, t, 6)}),
            Example(cls(sizes=(n, -1)), {"x": int_tensor(n, t, 2)}, {"x": (0, 5)}),
            Example(cls(sizes=(t, n, 2)), {"x": float_tensor(n, t, 2)}),
        )
