"""`cdist`: how far every vector of one tensor is from every vector of another."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Gt
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor
from dlc.compiler.ops._broadcast import broadcast
from dlc.compiler.ops._checks import require_equal, require_least_rank
from dlc.compiler.ops._vectors import onnx_length, power_text, require_alike
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class Cdist(Op):
    """How far every vector of one tensor is from every vector of another.

        [x, centres] -> cdist            # [N, 64], [K, 64] -> [N, K]
        [x, x] -> cdist                  # [N, T, 64] -> [N, T, T]

    y[..., i, j] = ‖x1[..., i, :] − x2[..., j, :]‖, by p. Dims before the last two stretch as in
    `add`. Distances are summed from differences, not from a matrix product, whose rounding
    makes small distances wrong.

    Arguments:
        p: the power; 2 is Euclid's distance, `inf` the greatest difference
    """

    name: ClassVar[str] = "cdist"
    ports: ClassVar[tuple[Port, ...]] = (Port("x1"), Port("x2", "the second vectors"))

    p: Annotated[float, Gt(0)] | Literal["inf"] = 2.0

    def infer(self, inputs: Inputs) -> TensorType:
        x1, x2 = inputs["x1"], inputs["x2"]
        require_alike(self.name, x1, x2)
        for port, value in (("x1", x1), ("x2", x2)):
            require_least_rank(self.name, value, 2, "vectors, [..., number, size]", port)
        require_equal(
            self.name,
            x1.shape[-1],
            x2.shape[-1],
            f"`cdist` needs vectors of one size, got {x1.shape_text} and {x2.shape_text}",
            blame="x2",
        )
        batch = broadcast(
            self.name, x1.with_shape(*x1.shape[:-2]), x2.with_shape(*x2.shape[:-2]), "x2"
        )
        return x1.with_shape(*batch, x1.shape[-2], x2.shape[-2])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x1", "x2", "y")

    def gain(self, inputs: Inputs) -> float | None:
        size = inputs["x1"].shape[-1]
        return 2.0 * size if self.p == 2 and isinstance(size, int) else None

    def torch(self, t: TorchWriter) -> str:
        if self.p == 2:
            mode = 'compute_mode="donot_use_mm_for_euclid_dist"'
            return f"torch.cdist({t['x1']}, {t['x2']}, {mode})"
        return f"torch.cdist({t['x1']}, {t['x2']}, p={power_text(t, self.p)})"

    def onnx(self, b: OnnxBuilder) -> str:
        rows = b.node("Unsqueeze", b["x1"], b.constant([-2], INT))
        columns = b.node("Unsqueeze", b["x2"], b.constant([-3], INT))
        return onnx_length(b, b.node("Sub", rows, columns), self.p, keepdims=0)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S")
        return (
            Example(cls(), {"x1": float_tensor(n, 5), "x2": float_tensor(3, 5)}),
            Example(cls(), {"x1": float_tensor(n, t, 4), "x2": float_tensor(n, s, 4)}),
            Example(cls(p=1.0), {"x1": float_tensor(n, t, 4), "x2": float_tensor(1, 3, 4)}),
            Example(cls(p="inf"), {"x1": float_tensor(n, t, 4), "x2": float_tensor(n, t, 4)}),
            Example(cls(p=3.0), {"x1": float_tensor(n, 4), "x2": float_tensor(t, 4)}),
        )
