"""`pixel_unshuffle`: pixels become channels."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._parts import divided
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class PixelUnshuffle(Op):
    """Pixels become channels: an image r times smaller, of r² times as many channels.

        pixel_unshuffle(2)        # [N, 3, 64, 64] -> [N, 12, 32, 32]

    Undoes `pixel_shuffle`. Both sides must be multiples of r.

    Arguments:
        downscale_factor: r
    """

    name: ClassVar[str] = "pixel_unshuffle"

    downscale_factor: Positive

    def infer(self, inputs: Inputs) -> TensorType:
        x, r = inputs.x, self.downscale_factor
        require_float(self.name, x)
        require_rank(self.name, x, 4, layout="[N, C, H, W]")
        help = "`pad` or `crop` the image to a multiple of it"
        sides = (
            divided(self.name, x, dim, r, blame="downscale_factor", help=help)[1] for dim in (2, 3)
        )
        return x.with_shape(x.shape[0], x.shape[1] * (r * r), *sides)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"F.pixel_unshuffle({t['x']}, {t.literal(self.downscale_factor)})"

    def onnx(self, b: OnnxBuilder) -> str:
        (n, c, *_), r = b.inputs.x.shape, self.downscale_factor
        _, channels, h, w = b.results[0].shape
        if isinstance(c, int):
            # ONNX puts the channels of one pixel beside each other, PyTorch those of one
            # channel.
            found = b.node("SpaceToDepth", b["x"], blocksize=r)
            order = [place * c + channel for channel in range(c) for place in range(r * r)]
            return b.node("Gather", found, b.constant(order, DType.INT64), axis=1)
        cut = b.node("Reshape", b["x"], b.shape((n, c, h, r, w, r)))
        moved = b.node("Transpose", cut, perm=(0, 1, 3, 5, 2, 4))
        return b.node("Reshape", moved, b.shape((n, channels, h, w)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w, c = symbol("N"), symbol("H"), symbol("W"), symbol("T")
        return (
            Example(cls(downscale_factor=2), {"x": float_tensor(n, 3, 4, 6)}),
            Example(cls(downscale_factor=3), {"x": float_tensor(n, 2, 3 * h, 3 * w)}),
            Example(cls(downscale_factor=2), {"x": float_tensor(n, 1, 2 * h, 4)}),
            Example(cls(downscale_factor=2), {"x": float_tensor(n, c, 2 * h, 4)}),
        )
