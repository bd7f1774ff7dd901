"""`cosine_similarity`: the cosine of the angle between vectors."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._vectors import joined
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class CosineSimilarity(Op):
    """The cosine of the angle between the vectors of two tensors.

        [query, key] -> cosine_similarity(dim=-1)        # [N, 64], [N, 64] -> [N]

    y = x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)). Both stretch as in `add`, so that
    [N, 1, 64] and [1, K, 64] give [N, K].

    Arguments:
        dim: the dim that holds the vectors, counted where both have stretched
        eps: the least length that is divided by
    """

    name: ClassVar[str] = "cosine_similarity"
    ports: ClassVar[tuple[Port, ...]] = (Port("x1"), Port("x2", "the second vectors"))

    dim: int = 1
    eps: PositiveFloat = 1e-8

    def _both(self, inputs: Inputs) -> TensorType:
        return joined(self.name, inputs["x1"], inputs["x2"])

    def infer(self, inputs: Inputs) -> TensorType:
        both = self._both(inputs)
        dim = axis(self.name, both, self.dim)
        return both.with_shape(*both.shape[:dim], *both.shape[dim + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x1", "x2")

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Both with length 1, and the lengths before and after eps.
        both = self._both(inputs)
        return (2 * both.elements + 4 * product(results[0].shape)) * both.dtype.bytes

    def gain(self, inputs: Inputs) -> float | None:
        both = self._both(inputs)
        size = both.shape[axis(self.name, both, self.dim)]
        return 1 / size if isinstance(size, int) else None

    def torch(self, t: TorchWriter) -> str:
        given = [] if self.dim == 1 else [f"dim={t.literal(self.dim)}"]
        if self.eps != 1e-8:
            given.append(f"eps={t.literal(self.eps)}")
        return f"F.cosine_similarity({', '.join([t['x1'], t['x2'], *given])})"

    def onnx(self, b: OnnxBuilder) -> str:
        both = self._both(b.inputs)
        # Counted from the end, a dim is the same one in both.
        dim = b.constant([axis(self.name, both, self.dim) - both.rank], INT)
        least = b.scalar(self.eps, both.dtype)
        units = [
            b.node(
                "Div",
                self._stretched(b, port, both),
                b.node(
                    "Max",
                    b.node("ReduceL2", self._stretched(b, port, both), dim, keepdims=1),
                    least,
                ),
            )
            for port in ("x1", "x2")
        ]
        return b.node("ReduceSum", b.node("Mul", *units), dim, keepdims=0)

    def _stretched(self, b: OnnxBuilder, port: str, both: TensorType) -> str:
        """The vectors, with their dim where it stretches."""
        dim = axis(self.name, both, self.dim) - both.rank
        x = b.inputs[port]
        if x.rank >= -dim and x.shape[dim] == both.shape[dim]:
            return b[port]
        return b.node("Expand", b[port], b.shape(both.shape))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x = float_tensor(n, t, 4)
        return (
            Example(cls(), {"x1": float_tensor(n, 5), "x2": float_tensor(n, 5)}),
            Example(cls(dim=-1), {"x1": x, "x2": x}),
            Example(cls(dim=-1), {"x1": x, "x2": float_tensor(n, 1, 4)}),
            Example(cls(dim=2, eps=0.5), {"x1": x, "x2": float_tensor(4)}),
            Example(cls(dim=0), {"x1": x, "x2": float_tensor(t, 4)}),
        )
