"""`glu`: the gated linear unit."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ops._gated import GatedUnit
from dlc.compiler.record import component


@component
class Glu(GatedUnit):
    """The gated linear unit: halves a dim.

        linear(2 * width) -> glu                      # [N, T, width]
        conv1d(2 * width, 3, padding=1) -> glu(1)     # [N, width, T]

    y = a · sigmoid(b), where a is the first half along `dim` and b the second. The size
    must be even.

    Source: Dauphin et al., Language modeling with gated convolutional networks, 2016.
    """

    name: ClassVar[str] = "glu"
    mean_square: ClassVar[float] = 0.2934

    def torch(self, t: TorchWriter) -> str:
        dim = "" if self.dim == -1 else f", dim={t.literal(self.dim)}"
        return f"F.glu({t['x']}{dim})"

    def onnx(self, b: OnnxBuilder) -> str:
        value, gate = b.nodes("Split", b["x"], outputs=2, axis=self.dim, num_outputs=2)
        return b.node("Mul", value, b.node("Sigmoid", gate))
