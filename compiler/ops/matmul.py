"""`matmul`: the matrix product of two tensors."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._broadcast import broadcast
from dlc.compiler.ops._checks import require_equal, require_float, require_least_rank
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component


@component
class Matmul(Op):
    """The matrix product of two tensors.

        a @ b             # [N, T, 64] @ [N, 64, T] -> [N, T, T]
        [a, b] -> matmul

    Multiplies the last two dims; the dims before them agree as in `add`.
    """

    name: ClassVar[str] = "matmul"
    ports: ClassVar[tuple[Port, ...]] = (Port("x"), Port("other", "the right factor"))

    def infer(self, inputs: Inputs) -> TensorType:
        a, b = inputs.x, inputs["other"]
        for port, value in (("x", a), ("other", b)):
            require_float(self.name, value, port)
            require_least_rank(self.name, value, 2, "matrices, [..., rows, columns]", port)
        if a.dtype is not b.dtype:
            raise OpError(
                "E0406", f"`matmul` needs one element type, got {a} and {b}", blame="other"
            )
        require_equal(
            self.name,
            a.shape[-1],
            b.shape[-2],
            f"`matmul` needs as many columns on the left as rows on the right, got"
            f" {a.shape_text} and {b.shape_text}",
            blame="other",
            help="the last dim of the left factor meets the last but one of the right",
        )
        batch = broadcast(self.name, _batch(a), _batch(b))
        return a.with_shape(*batch, a.shape[-2], b.shape[-1])

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return results[0].elements * inputs.x.shape[-1]

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return tuple(port for port in ("x", "other") if not self._copied(inputs, port))

    def _copied(self, inputs: Inputs, port: str) -> bool:
        """Whether a factor is stretched over the other's batch, which makes a copy."""
        x, other = inputs.x, inputs["other"]
        if other.rank == 2:
            return False
        return inputs[port].shape[:-2] != broadcast(self.name, _batch(x), _batch(other))

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        batch = product(results[0].shape[:-2])
        total: Dim = 0
        for port in ("x", "other"):
            if self._copied(inputs, port):
                factor = inputs[port]
                total = total + batch * product(factor.shape[-2:]) * factor.dtype.bytes
        return total

    def gain(self, inputs: Inputs) -> float | None:
        inner = inputs.x.shape[-1]
        return float(inner) if isinstance(inner, int) else None

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']} @ {t['other']}"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("MatMul", b["x"], b["other"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, t, 4), "other": float_tensor(n, 4, t)}),
            Example(cls(), {"x": float_tensor(n, t, 4), "other": float_tensor(4, 3)}),
            Example(cls(), {"x": float_tensor(n, 1, t, 4), "other": float_tensor(n, 2, 4, 3)}),
            Example(cls(), {"x": float_tensor(n, 4), "other": float_tensor(4, 2)}),
        )


def _batch(x: TensorType) -> TensorType:
    return x.with_shape(*x.shape[:-2])
