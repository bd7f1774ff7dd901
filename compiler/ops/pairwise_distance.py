"""`pairwise_distance`: how far the vectors of two tensors are apart."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Gt, NonNegative
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_least_rank
from dlc.compiler.ops._vectors import joined, onnx_length, power_text
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class PairwiseDistance(Op):
    """How far the vectors of two tensors are apart, each from its counterpart.

        [anchor, positive] -> pairwise_distance          # [N, 64], [N, 64] -> [N]

    y = ‖x1 − x2 + eps‖, by p, of the last dim. Both stretch as in `add`. The distance of each
    from each is `cdist`.

    Arguments:
        p: the power; 2 is Euclid's distance, `inf` the greatest difference
        eps: what keeps equal vectors apart, so that there is a gradient
        keepdim: whether the last dim stays with size 1
    """

    name: ClassVar[str] = "pairwise_distance"
    ports: ClassVar[tuple[Port, ...]] = (Port("x1"), Port("x2", "the second vectors"))

    p: Annotated[float, Gt(0)] | Literal["inf"] = 2.0
    eps: NonNegative = 1e-6
    keepdim: bool = False

    def infer(self, inputs: Inputs) -> TensorType:
        both = joined(self.name, inputs["x1"], inputs["x2"])
        require_least_rank(self.name, both, 1, "vectors, [..., size]", "x1")
        return both.with_shape(*both.shape[:-1], *((1,) if self.keepdim else ()))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("y",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The differences.
        both = joined(self.name, inputs["x1"], inputs["x2"])
        return both.elements * both.dtype.bytes

    def gain(self, inputs: Inputs) -> float | None:
        size = joined(self.name, inputs["x1"], inputs["x2"]).shape[-1]
        return 2.0 * size if self.p == 2 and isinstance(size, int) else None

    def torch(self, t: TorchWriter) -> str:
        given = [] if self.p == 2 else [f"p={power_text(t, self.p)}"]
        if self.eps != 1e-6:
            given.append(f"eps={t.literal(self.eps)}")
        if self.keepdim:
            given.append(f"keepdim={t.literal(self.keepdim)}")
        return f"F.pairwise_distance({', '.join([t['x1'], t['x2'], *given])})"

    def onnx(self, b: OnnxBuilder) -> str:
        difference = b.node("Sub", b["x1"], b["x2"])
        if self.eps:
            difference = b.node("Add", difference, b.scalar(self.eps, b.results[0].dtype))
        return onnx_length(b, difference, self.p, keepdims=int(self.keepdim))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x = float_tensor(n, t, 4)
        return (
            Example(cls(), {"x1": float_tensor(n, 5), "x2": float_tensor(n, 5)}),
            Example(cls(p=1.0, keepdim=True), {"x1": x, "x2": x}),
            Example(cls(p="inf"), {"x1": x, "x2": float_tensor(n, 1, 4)}),
            Example(cls(p=3.0, eps=0.5), {"x1": x, "x2": float_tensor(4)}),
            Example(cls(eps=0.0), {"x1": x, "x2": x}),
        )
