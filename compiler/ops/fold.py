"""`fold`: columns laid back as the windows of an image."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import require_equal, require_float, require_rank
from dlc.compiler.ops._conv import spread
from dlc.compiler.ops._unfold import Windows
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Fold(Windows):
    """Columns laid back as the windows of an image: col2im.

        fold([224, 224], 16, stride=16)        # [N, 768, 196] -> [N, 3, 224, 224]

    Takes [N, C·kernel_size², L] as `unfold` gives it, and gives [N, C, H, W]. What lies on
    each other is added, so that it brings `unfold` back where windows do not overlap, and is
    its gradient where they do; places of the image that no window covers are 0.

    Arguments:
        output_size: the sides of the image; one number, or height and width
    """

    name: ClassVar[str] = "fold"

    output_size: Positive | tuple[Positive, Positive]
    kernel_size: Positive | tuple[Positive, Positive]
    dilation: Positive | tuple[Positive, Positive] = 1
    padding: Natural | tuple[Natural, Natural] = 0
    stride: Positive | tuple[Positive, Positive] = 1

    @property
    def sides(self) -> tuple[int, ...]:
        return spread(self.output_size, 2)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            3,
            layout="[N, C * window, L]",
            help="it takes what `unfold` gives: one column for each window",
        )
        rows, columns = self.counts(x, self.sides)
        require_equal(
            self.name,
            x.shape[2],
            rows * columns,
            f"`fold` lays {rows} x {columns} windows into {self.sides[0]} x {self.sides[1]}"
            f" places, got {x.shape[2]} columns in {x}",
            help="`output_size`, `dilation`, `padding` and `stride` are those of the `unfold`"
            " before",
        )
        return x.with_shape(x.shape[0], self._channels(x), *self.sides)

    def _channels(self, x: TensorType) -> Dim:
        size, taps = x.shape[1], self.taps
        if isinstance(size, int) and size % taps:
            raise OpError(
                "E0404",
                f"the {taps} places of a window of `fold` must divide the columns' size, got"
                f" {size} in {x}",
                blame="kernel_size",
                help="`kernel_size` is that of the `unfold` before",
            )
        channels = size // taps
        require_equal(
            self.name,
            channels * taps,
            size,
            f"the {taps} places of a window of `fold` must divide the columns' size, got {x}",
        )
        return channels

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        """The mean number of windows that lie on a place."""
        x = inputs.x
        covered = 1
        for axis, count in enumerate(self.counts(x, self.sides)):
            assert isinstance(count, int)
            step, gap, padding = self.strides[axis], self.dilations[axis], self.paddings[axis]
            covered *= sum(
                0 <= i * step + j * gap - padding < self.sides[axis]
                for i in range(count)
                for j in range(self.kernel[axis])
            )
        return covered / (self.sides[0] * self.sides[1])

    def torch(self, t: TorchWriter) -> str:
        options = "".join(f", {name}={t.literal(v)}" for name, v in self.options().items())
        sizes = f"{t.literal(self.output_size)}, {t.literal(self.kernel_size)}"
        return f"F.fold({t['x']}, {sizes}{options})"

    def onnx(self, b: OnnxBuilder) -> str:
        # Not by ONNX's Col2Im, which onnxruntime has for the CPU alone.
        rows, columns = self.counts(b.inputs.x, self.sides)
        assert isinstance(rows, int)
        assert isinstance(columns, int)
        return (
            self._onnx_tiles(b, rows, columns)
            if self.tiles(self.sides)
            else self._onnx_overlapping(b, rows, columns)
        )

    def _onnx_tiles(self, b: OnnxBuilder, rows: int, columns: int) -> str:
        """Windows side by side are the image with its sides cut in two."""
        channels = b.results[0].shape[1]
        known = channels if isinstance(channels, int) else -1
        cut = [0, known, *self.kernel, rows, columns]
        y = b.node("Reshape", b["x"], b.constant(cut, DType.INT64))
        y = b.node("Transpose", y, perm=[0, 1, 4, 2, 5, 3])
        return b.node("Reshape", y, b.constant([0, 0, *self.sides], DType.INT64))

    def _onnx_overlapping(self, b: OnnxBuilder, rows: int, columns: int) -> str:
        """A transposed convolution adds up what overlaps: each channel by itself, its filters
        laying each number of a column at its place."""
        dtype, taps = b.inputs.x.dtype, self.taps
        shape = b.constant([-1, taps, rows, columns], DType.INT64)
        filters = [float(i == j) for i in range(taps) for j in range(taps)]
        y = b.node(
            "ConvTranspose",
            b.node("Reshape", b["x"], shape),
            b.constant(filters, dtype, (taps, 1, *self.kernel)),
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=[*self.paddings, *self.paddings],
            output_padding=[
                (side + 2 * padding - window) % step
                for side, padding, window, step in zip(
                    self.sides, self.paddings, self.window, self.strides, strict=True
                )
            ],
            dilations=self.dilations,
        )
        channels = b.results[0].shape[1]
        if isinstance(channels, int):
            return b.node("Reshape", y, b.constant([-1, channels, *self.sides], DType.INT64))
        return b.node("Reshape", y, b.shape(b.results[0].shape))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(output_size=(5, 6), kernel_size=3), {"x": float_tensor(n, 18, 12)}),
            Example(
                cls(output_size=(4, 6), kernel_size=2, stride=2), {"x": float_tensor(n, 12, 6)}
            ),
            Example(
                cls(output_size=6, kernel_size=(2, 3), stride=(2, 3)),
                {"x": float_tensor(n, 6 * symbol("S"), 6)},
            ),
            Example(
                cls(output_size=(6, 7), kernel_size=3, padding=1, stride=2),
                {"x": float_tensor(n, 18, 12)},
            ),
            Example(
                cls(
                    output_size=(6, 5),
                    kernel_size=(2, 3),
                    dilation=(2, 1),
                    padding=(0, 1),
                    stride=(3, 1),
                ),
                {"x": float_tensor(n, 6 * symbol("S"), 10)},
            ),
        )
