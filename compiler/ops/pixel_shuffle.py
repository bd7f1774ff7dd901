"""`pixel_shuffle`: channels become pixels."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._parts import divided
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class PixelShuffle(Op):
    """Channels become pixels: an image r times as large, of r² times fewer channels.

        conv2d(4 * 3, 3, padding=1) -> pixel_shuffle(2)   # [N, 12, H, W] -> [N, 3, 2H, 2W]

    Pixel (r·i + a, r·j + b) of channel c is pixel (i, j) of channel (c·r + a)·r + b.

    Arguments:
        upscale_factor: r

    Source: Shi et al., Real-time single image and video super-resolution using an
    efficient sub-pixel convolutional neural network, 2016.
    """

    name: ClassVar[str] = "pixel_shuffle"

    upscale_factor: Positive

    def infer(self, inputs: Inputs) -> TensorType:
        x, r = inputs.x, self.upscale_factor
        require_float(self.name, x)
        require_rank(self.name, x, 4, layout="[N, C, H, W]")
        help = f"give the layer before it a multiple of {r * r} channels"
        _, channels = divided(self.name, x, 1, r * r, blame="upscale_factor", help=help)
        return x.with_shape(x.shape[0], channels, *(side * r for side in x.shape[2:]))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"F.pixel_shuffle({t['x']}, {t.literal(self.upscale_factor)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("DepthToSpace", b["x"], blocksize=self.upscale_factor, mode="CRD")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w = symbol("N"), symbol("H"), symbol("W")
        return (
            Example(cls(upscale_factor=2), {"x": float_tensor(n, 8, 3, 4)}),
            Example(cls(upscale_factor=3), {"x": float_tensor(n, 18, h, w)}),
            Example(cls(upscale_factor=1), {"x": float_tensor(n, 2, h, w)}),
        )
