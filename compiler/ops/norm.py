"""`norm`: the length of vectors."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Gt
from dlc.compiler.ir.dims import product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops._reduction import dim_arguments, reduced_dims, remaining
from dlc.compiler.ops._vectors import onnx_length, power_text
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Norm(Op):
    """The length of vectors, by any p.

        x -> norm(dim=-1)            # Euclid's
        x -> norm(1, dim=-1)         # the sum of magnitudes
        x -> norm(inf, dim=-1)       # the greatest magnitude

    y = (Σ |x|ᵖ)^(1/p). `l2_normalize` divides by it. The gradient of a vector of zeros is 0.

    Arguments:
        p: the power; `inf` takes the greatest magnitude
        dim: the dims that go, one or a list of them; without it all, the batch too
        keepdim: whether each of them stays as a dim of size 1
    """

    name: ClassVar[str] = "norm"

    p: Annotated[float, Gt(0)] | Literal["inf"] = 2.0
    dim: int | tuple[int, ...] | None = None
    keepdim: bool = False

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        return x.with_shape(*remaining(x, self._dims(x), self.keepdim))

    def _dims(self, x: TensorType) -> tuple[int, ...]:
        return reduced_dims(self.name, x, self.dim)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y")

    def gain(self, inputs: Inputs) -> float | None:
        count = product(inputs.x.shape[place] for place in self._dims(inputs.x))
        if not isinstance(count, int) or self.p not in (1, 2):
            return None
        # E|z| = sqrt(2/π): the square of a sum has n(n - 1) mixed products.
        return float(count) if self.p == 2 else count + count * (count - 1) * 2 / math.pi

    def torch(self, t: TorchWriter) -> str:
        given = dim_arguments(t, self.dim, self.keepdim)
        if self.p != 2:
            given.insert(0, f"ord={power_text(t, self.p)}")
        return f"torch.linalg.vector_norm({', '.join([t['x'], *given])})"

    def onnx(self, b: OnnxBuilder) -> str:
        return onnx_length(b, b["x"], self.p, self._dims(b.inputs.x), keepdims=int(self.keepdim))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x = float_tensor(n, t, 4)
        return (
            Example(cls(dim=1), {"x": x}),
            Example(cls(dim=(-1, 1)), {"x": float_tensor(n, 3, t, 4)}),
            Example(cls(dim=-1, keepdim=True), {"x": x}),
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(keepdim=True), {"x": float_tensor(n, 3)}),
            Example(cls(p=1.0, dim=-1), {"x": x}),
            Example(cls(p="inf", dim=(1, 2)), {"x": x}),
            Example(cls(p=3.0, dim=1, keepdim=True), {"x": x}),
            Example(cls(p=0.5, dim=-1), {"x": x}),
        )
