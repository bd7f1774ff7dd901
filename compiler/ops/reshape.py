"""`reshape`: the same numbers in other dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Answer, Dim, DimError, Poly, compare, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import Shape, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import how_to_state
from dlc.compiler.ops._reshape import onnx_reshape
from dlc.compiler.ops.base import Example, Op, OpError
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
        if not self.sizes:
            raise OpError("E0303", "`reshape` needs sizes, such as `reshape(N, -1)`")
        if self.sizes.count(-1) > 1:
            raise OpError("E0311", "`reshape` takes -1 once, got it twice", blame="sizes")
        for size in self.sizes:
            if isinstance(size, int) and size != -1 and size < 1:
                raise OpError(
                    "E0302",
                    f"a size of `reshape` is at least 1, or -1 for what is left, got {size}",
                    blame="sizes",
                )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        stated = product(size for size in self.sizes if size != -1)
        if -1 not in self.sizes:
            self._require_same(x, stated)
            return x.with_shape(*self.sizes)
        rest = self._rest(x, stated)
        return x.with_shape(*(rest if size == -1 else size for size in self.sizes))

    def _text(self) -> str:
        return "[" + ", ".join(str(size) for size in self.sizes) + "]"

    def _require_same(self, x: TensorType, stated: Dim) -> None:
        message = (
            f"`reshape` keeps the number of elements, got {x.elements} in {x.shape_text}"
            f" and {stated} in {self._text()}"
        )
        match compare(x.elements, stated):
            case Answer.DIFFERENT:
                raise OpError("E0402", message, blame="sizes", help="one size may be -1")
            case Answer.UNKNOWN:
                raise OpError(
                    "E0407",
                    f"{message}: these agree only where {x.elements} = {stated}",
                    blame="sizes",
                    help=how_to_state(x.elements, stated),
                )
            case Answer.EQUAL:
                pass

    def _rest(self, x: TensorType, stated: Dim) -> Dim:
        try:
            rest = self._quotient(x.elements)
        except DimError:
            raise OpError(
                "E0407",
                f"`reshape` cannot tell what -1 is: {x.elements} elements of {x.shape_text}"
                f" in {self._text()}",
                blame="sizes",
                help="keep the dims that are not known as they are, `reshape(N, T, -1)`",
            ) from None
        match compare(rest * stated, x.elements):
            case Answer.EQUAL:
                return rest
            case Answer.DIFFERENT:
                raise OpError(
                    "E0404",
                    f"the sizes of `reshape` must divide the number of elements, got"
                    f" {x.elements} in {x.shape_text} and {self._text()}",
                    blame="sizes",
                )
            case Answer.UNKNOWN:
                raise OpError(
                    "E0407",
                    f"{stated} may not divide the {x.elements} elements of {x.shape_text}",
                    blame="sizes",
                    help=how_to_state(rest * stated, x.elements),
                )

    def _quotient(self, elements: Dim) -> Dim:
        """The elements divided by every stated size, the numbers last: rounding down then
        shows in what comes out."""
        rest, number = elements, 1
        for size in self.sizes:
            if isinstance(size, int):
                number *= 1 if size == -1 else size
            elif len(size.terms) == 1:
                ((atoms, factor),) = size.terms
                number *= factor
                rest = rest // Poly(((atoms, 1),))
            else:
                rest = rest // size
        return rest // number

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        sizes = ", ".join("-1" if size == -1 else t.dim(size) for size in self.sizes)
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
