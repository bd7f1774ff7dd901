"""`norm`: the length of vectors."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Gt
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops._reduction import Reduction
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Norm(Reduction):
    """The length of vectors, by any p.

        x -> norm(dim=-1)            # Euclid's
        x -> norm(1, dim=-1)         # the sum of magnitudes
        x -> norm(inf, dim=-1)       # the greatest magnitude

    y = (Σ |x|ᵖ)^(1/p). `l2_normalize` divides by it. The gradient of a vector of zeros is 0.

    Arguments:
        p: the power; `inf` takes the greatest magnitude
    """

    name: ClassVar[str] = "norm"

    p: Annotated[float, Gt(0)] | Literal["inf"] = 2.0
    dim: int | tuple[int, ...] | None = None
    keepdim: bool = False

    def require(self, x: TensorType) -> None:
        require_float(self.name, x)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y")

    def gain(self, inputs: Inputs) -> float | None:
        count = self.known_count(inputs)
        if count is None or self.p not in (1, 2):
            return None
        # E|z| = sqrt(2/π): the square of a sum has n(n - 1) mixed products.
        return float(count) if self.p == 2 else count + count * (count - 1) * 2 / math.pi

    def torch(self, t: TorchWriter) -> str:
        given = self.torch_arguments(t)
        if self.p != 2:
            p = 'float("inf")' if self.p == "inf" else t.literal(_plain(self.p))
            given.insert(0, f"ord={p}")
        return f"torch.linalg.vector_norm({', '.join([t['x'], *given])})"

    def onnx(self, b: OnnxBuilder) -> str:
        if self.p in (1, 2):
            return self.onnx_reduce(b, f"ReduceL{int(self.p)}", b["x"])
        magnitude = b.node("Abs", b["x"])
        if self.p == "inf":
            return self.onnx_reduce(b, "ReduceMax", magnitude)
        dtype = b.inputs.x.dtype
        powers = b.node("Pow", magnitude, b.scalar(self.p, dtype))
        total = self.onnx_reduce(b, "ReduceSum", powers)
        return b.node("Pow", total, b.scalar(1 / self.p, dtype))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x = float_tensor(n, t, 4)
        return (
            *super().examples(),
            Example(cls(p=1.0, dim=-1), {"x": x}),
            Example(cls(p="inf", dim=(1, 2)), {"x": x}),
            Example(cls(p=3.0, dim=1, keepdim=True), {"x": x}),
            Example(cls(p=0.5, dim=-1), {"x": x}),
        )


def _plain(p: float) -> int | float:
    return int(p) if p.is_integer() else p
