"""`shape`: a check that a tensor has the sizes that one thinks it has."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Answer, Dim, compare, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import Shape as Sizes
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_HELPER = '''\
def check_shape(x: Tensor, *sizes: int) -> Tensor:
    """Gives `x`; raises ValueError where its sizes are others."""
    if tuple(x.shape) != sizes:
        raise ValueError(f"expected a tensor of {list(sizes)}, got {list(x.shape)}")
    return x
'''


@component
class Shape(Op):
    """A check that a tensor has the sizes that one thinks it has; gives it unchanged.

        shape(N, 2 * hidden)
        shape(N, 64, H, W)        # after going down and up again: says that 4 divides H

    What the compiler can prove or refute costs nothing at run time. Where it can do
    neither, the stated sizes count from here on, and the module checks them when it runs.

    Arguments:
        sizes: the size of each dim
    """

    name: ClassVar[str] = "shape"
    variadic: ClassVar[str | None] = "sizes"

    sizes: tuple[Dim, ...]

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        expected = "[" + ", ".join(str(size) for size in self.sizes) + "]"
        if len(self.sizes) != x.rank:
            raise OpError(
                "E0408",
                f"expected {len(self.sizes)} dims, {expected}, got {x.rank}, {x.shape_text}",
                blame="x",
            )
        for place, (stated, size) in enumerate(zip(self.sizes, x.shape, strict=True)):
            if compare(stated, size) is Answer.DIFFERENT:
                raise OpError(
                    "E0408",
                    f"expected {expected}, got {x.shape_text}: dim {place} is {size}, not {stated}",
                    blame="x",
                )
        return x.with_shape(*self._settled(x))

    def _settled(self, x: TensorType) -> Sizes:
        """The actual size where it is known, else the stated one."""
        return tuple(
            size if isinstance(size, int) else stated
            for stated, size in zip(self.sizes, x.shape, strict=True)
        )

    def _proved(self, x: TensorType) -> bool:
        return all(
            compare(stated, size) is Answer.EQUAL
            for stated, size in zip(self.sizes, x.shape, strict=True)
        )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        if self._proved(t.inputs.x):
            return t["x"]
        sizes = ", ".join(t.dim(size) for size in self.sizes)
        return f"{t.helper('check_shape', _HELPER)}({t['x']}, {sizes})"

    def onnx(self, b: OnnxBuilder) -> str:
        if self._proved(b.inputs.x):
            return b["x"]
        # Fails at run time where the sizes are others.
        return b.node("Reshape", b["x"], b.shape(self.sizes))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(sizes=(n, t, 3)), {"x": float_tensor(n, t, 3)}),
            Example(cls(sizes=(n, 6)), {"x": float_tensor(n, 6)}),
        )
