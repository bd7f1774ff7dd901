"""`unfold`: the windows of an image as columns."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._conv import layout
from dlc.compiler.ops._unfold import Windows
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Unfold(Windows):
    """The windows of an image as columns: im2col.

        unfold(16, stride=16)                  # [N, 3, 224, 224] -> [N, 768, 196]

    Takes [N, C, H, W] and gives [N, C·kernel_size², L]: each of the L windows, row by row, is
    a column of all its numbers, channel by channel. A convolution is a matrix product with
    these columns; `permute` makes a sequence of patches of them. Along a side of n there are
    (n + 2·padding − dilation·(kernel_size − 1) − 1) // stride + 1 windows.
    """

    name: ClassVar[str] = "unfold"

    kernel_size: Positive | tuple[Positive, Positive]
    dilation: Positive | tuple[Positive, Positive] = 1
    padding: Natural | tuple[Natural, Natural] = 0
    stride: Positive | tuple[Positive, Positive] = 1

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(self.name, x, 4, layout=layout(2), help="it cuts images into windows")
        windows = product(self.counts(x, x.shape[2:]))
        return x.with_shape(x.shape[0], x.shape[1] * self.taps, windows)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        """Away from the borders."""
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        options = "".join(f", {name}={t.literal(v)}" for name, v in self.options().items())
        return f"F.unfold({t['x']}, {t.literal(self.kernel_size)}{options})"

    def onnx(self, b: OnnxBuilder) -> str:
        shape = b.inputs.x.shape
        if self.tiles(shape[2:]):
            y = self._onnx_tiles(b)
        else:
            y = b["x"]
            if any(self.paddings):
                ends = [0, 0, *self.paddings]
                y = b.node("Pad", y, b.constant([*ends, *ends], DType.INT64))
            # [N, C, kernel, H', W], then [N, C, kernel, H', kernel, W'].
            for axis, count in zip((0, 1), self.counts(b.inputs.x, shape[2:]), strict=True):
                y = b.node("Gather", y, self._places(b, axis, count), axis=2 + 2 * axis)
            y = b.node("Transpose", y, perm=[0, 1, 2, 4, 3, 5])
        channels = b.results[0].shape[1]
        if isinstance(channels, int):
            return b.node("Reshape", y, b.constant([0, channels, -1], DType.INT64))
        return b.node("Reshape", y, b.shape(b.results[0].shape))

    def _onnx_tiles(self, b: OnnxBuilder) -> str:
        """Windows side by side are the image with its sides cut in two."""
        cut: list[int] = []
        for side, k in zip(b.inputs.x.shape[2:], self.kernel, strict=True):
            assert isinstance(side, int)
            cut += [side // k, k]
        y = b.node("Reshape", b["x"], b.constant([0, 0, *cut], DType.INT64))
        return b.node("Transpose", y, perm=[0, 1, 3, 5, 2, 4])

    def _places(self, b: OnnxBuilder, axis: int, count: Dim) -> str:
        """Where each point of a window lies in each window, [kernel, windows]."""
        step, gap, kernel = self.strides[axis], self.dilations[axis], self.kernel[axis]
        if isinstance(count, int):
            places = [i * gap + j * step for i in range(kernel) for j in range(count)]
            return b.constant(places, DType.INT64, (kernel, count))
        zero, each = b.scalar(0, DType.INT64), b.scalar(step, DType.INT64)
        starts = b.node("Range", zero, b.dim(count * step), each)
        points = b.constant([i * gap for i in range(kernel)], DType.INT64, (kernel, 1))
        return b.node("Add", points, starts)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w = symbol("N"), symbol("H", 3), symbol("W", 3)
        return (
            Example(cls(kernel_size=3), {"x": float_tensor(n, 2, 5, 6)}),
            Example(cls(kernel_size=2, stride=2), {"x": float_tensor(n, 3, 4, 6)}),
            Example(cls(kernel_size=(2, 3), stride=(2, 3)), {"x": float_tensor(n, 3, 5, 6)}),
            Example(cls(kernel_size=3, padding=1), {"x": float_tensor(n, 2, h, w)}),
            Example(
                cls(kernel_size=(2, 3), dilation=(2, 1), padding=(0, 1), stride=(1, 2)),
                {"x": float_tensor(n, 2, h, 6)},
            ),
            Example(cls(kernel_size=2, stride=2), {"x": float_tensor(n, symbol("S"), h, 4)}),
        )
