"""`expand`: dims of size 1 stretch."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Answer, Dim, compare, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import how_to_state
from dlc.compiler.ops._subscript import bare, onnx_sizes
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Expand(Op):
    """Dims of size 1 stretch: the same numbers, seen many times. Nothing is copied.

        expand(N, -1, -1)         # a class token, [1, 1, 768] -> [N, 1, 768]
        expand(N, T, 64)          # [64] -> [N, T, 64]

    More sizes than dims put new dims in front. To repeat what is longer than 1, use `tile`
    or `repeat_interleave`.

    Arguments:
        sizes: the size of each dim of the result; -1 leaves a dim as it is
    """

    name: ClassVar[str] = "expand"
    variadic: ClassVar[str | None] = "sizes"

    sizes: tuple[Dim, ...]

    def validate(self) -> None:
        for size in self.sizes:
            if isinstance(size, int) and size != -1 and size < 1:
                raise OpError(
                    "E0302",
                    f"a size of `expand` is at least 1, or -1 for as it is, got {size}",
                    blame="sizes",
                )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        new = len(self.sizes) - x.rank
        if new < 0:
            raise OpError(
                "E0401",
                f"`expand` takes a size for each dim, got {len(self.sizes)} for {x}",
                blame="sizes",
                help="-1 leaves a dim as it is",
            )
        if -1 in self.sizes[:new]:
            raise OpError(
                "E0302",
                f"`expand` puts {new} dims in front of {x.shape_text}, whose sizes are not"
                " those of other dims, got -1",
                blame="sizes",
                help="write the size; -1 leaves a dim as it is",
            )
        kept = (self._stretched(x, a, b) for a, b in zip(x.shape, self.sizes[new:], strict=True))
        return x.with_shape(*self.sizes[:new], *kept)

    def _stretched(self, x: TensorType, old: Dim, new: Dim) -> Dim:
        if new == -1 or new == old:
            return old
        if old == 1:
            return new
        message = f"`expand` stretches dims of size 1, got {old} for {new} in {x}"
        if compare(old, new) is Answer.DIFFERENT:
            raise OpError(
                "E0402", message, blame="sizes", help="-1 leaves a dim as it is; `tile` repeats"
            )
        raise OpError(
            "E0407",
            f"{message}: these agree only where {old} = {new}",
            blame="sizes",
            help=how_to_state(old, new),
        )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        x = t.inputs.x
        old = (None,) * (len(self.sizes) - x.rank) + x.shape
        sizes = (
            "-1" if size == -1 or (size == before and not isinstance(size, int)) else bare(t, size)
            for size, before in zip(self.sizes, old, strict=True)
        )
        return f"{t['x']}.expand({', '.join(sizes)})"

    def onnx(self, b: OnnxBuilder) -> str:
        # A 1 leaves a dim as it is there.
        shape = b.inputs.x.shape
        old = (1,) * (len(self.sizes) - len(shape)) + shape
        sizes = [
            1 if after == before else after
            for before, after in zip(old, b.results[0].shape, strict=True)
        ]
        return b.node("Expand", b["x"], onnx_sizes(b, sizes))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(sizes=(-1, 4, -1)), {"x": float_tensor(n, 1, t)}),
            Example(cls(sizes=(n, 3, t, -1)), {"x": float_tensor(n, 1, t, 1)}),
            Example(cls(sizes=(2, n, 3, 4)), {"x": float_tensor(n, 1, 4)}),
            Example(cls(sizes=(n, t + 1, t)), {"x": float_tensor(n, 1, t)}),
            Example(cls(sizes=(-1, 2)), {"x": int_tensor(n, 1)}, {"x": (0, 9)}),
        )
