"""`swiglu`: the gated unit of LLaMA."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._gated import GatedUnit
from dlc.compiler.record import component

_HELPER = '''\
def swiglu(x: Tensor, dim: int) -> Tensor:
    """The first half of `x` along `dim` through silu, times the second half."""
    gate, value = x.chunk(2, dim)
    return F.silu(gate) * value
'''


@component
class Swiglu(GatedUnit):
    """The gated unit of LLaMA: halves a dim.

        linear(2 * hidden, bias=false) -> swiglu -> linear(dim, bias=false)

    y = silu(a) · b, where a is the first half along `dim`, b the second, and silu(a) is
    a · sigmoid(a). The size must be even. PyTorch has no such function. `glu` gates with
    the second half, this with the first: `linear` then holds LLaMA's `w1` above its `w3`.

    Source: Shazeer, GLU variants improve Transformer, 2020.
    """

    name: ClassVar[str] = "swiglu"
    mean_square: ClassVar[float] = 0.3558

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # silu(a).
        return results[0].elements * results[0].dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        return f"{t.helper('swiglu', _HELPER)}({t['x']}, {t.literal(self.dim)})"

    def onnx(self, b: OnnxBuilder) -> str:
        gate, value = b.nodes("Split", b["x"], outputs=2, axis=self.dim, num_outputs=2)
        return b.node("Mul", b.node("Mul", gate, b.node("Sigmoid", gate)), value)
