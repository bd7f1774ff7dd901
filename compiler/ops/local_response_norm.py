"""`local_response_norm`: normalization over neighbouring channels."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_least_rank
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class LocalResponseNorm(Op):
    """Normalization over neighbouring channels at each place: AlexNet's.

        conv2d(96, 11, stride=4) -> relu -> local_response_norm(5, k=2)

    y = x / (k + alpha/size · Σ x²)^beta, where the sum runs over `size` channels: the
    channel itself, size // 2 before and (size − 1) // 2 after it; there are zeros beyond the
    ends. Takes [N, C, ...], has no parameters, and is the same in training and evaluation.
    The paper's sum is not divided by `size`: its alpha of 1e-4 for 5 channels is 5e-4 here.

    Arguments:
        size: how many channels are looked at
        alpha: the weight of the mean square
        beta: the exponent
        k: what is added to the mean square

    Source: Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional
    neural networks, 2012.
    """

    name: ClassVar[str] = "local_response_norm"

    size: Positive
    alpha: PositiveFloat = 1e-4
    beta: PositiveFloat = 0.75
    k: PositiveFloat = 1.0

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_least_rank(
            self.name,
            x,
            3,
            "[N, C, L], [N, C, H, W] or more dims",
            help="it normalizes over channels at each place; for vectors there is `layer_norm`",
        )
        return x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The squares with zeros at both ends, the mean squares with k, and their power.
        x = inputs.x
        places = product((x.shape[0], *x.shape[2:]))
        squares = places * (x.shape[1] + self.size - 1)
        return (squares + 2 * x.elements) * x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        options = "".join(
            f", {name}={t.literal(value)}"
            for name, value, default in (
                ("alpha", self.alpha, 1e-4),
                ("beta", self.beta, 0.75),
                ("k", self.k, 1.0),
            )
            if value != default
        )
        return f"F.local_response_norm({t['x']}, {t.literal(self.size)}{options})"

    def onnx(self, b: OnnxBuilder) -> str:
        # Not by ONNX's LRN: that of onnxruntime slides a sum over the channels, which loses
        # small numbers behind large ones, and takes no even size; in ONNX, an even size has
        # its odd channel at the other end. Here channels are the first side of an image.
        shape, dtype, x = b.inputs.x.shape, b.inputs.x.dtype, b["x"]
        one = b.constant([1], DType.INT64)
        squares = b.node("Mul", x, x)
        places = len(shape) - 2
        if places > 2:
            squares = b.node("Reshape", squares, b.constant([0, 0, -1], DType.INT64))
            places = 1
        image = b.node("Unsqueeze", squares, one)
        before, after = self.size // 2, (self.size - 1) // 2
        beside = [0] * places
        if before != after:
            pads = [0, 0, before, *beside, 0, 0, after, *beside]
            image = b.node("Pad", image, b.constant(pads, DType.INT64))
            before = after = 0
        mean = b.node(
            "AveragePool",
            image,
            kernel_shape=[self.size, *[1] * places],
            pads=[before, *beside, after, *beside],
            count_include_pad=1,
        )
        mean = b.node("Squeeze", mean, one)
        if places < len(shape) - 2:
            mean = b.node("Reshape", mean, b.shape(shape))
        scaled = b.node("Mul", mean, b.scalar(self.alpha, dtype))
        base = b.node("Add", scaled, b.scalar(self.k, dtype))
        return b.node("Div", x, b.node("Pow", base, b.scalar(self.beta, dtype)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, t = symbol("N"), symbol("H"), symbol("T")
        return (
            Example(cls(size=5, k=2.0), {"x": float_tensor(n, 7, 4, 5)}),
            Example(cls(size=3, alpha=0.1, beta=0.5), {"x": float_tensor(n, 5, h, symbol("W"))}),
            Example(cls(size=1, alpha=1.0), {"x": float_tensor(n, 3, h, 4)}),
            Example(cls(size=4, alpha=0.3), {"x": float_tensor(n, 6, h, 3)}),
            Example(cls(size=2, alpha=0.3, beta=1.5), {"x": float_tensor(n, 4, t)}),
            Example(cls(size=5, alpha=0.2), {"x": float_tensor(n, 3, t)}),
            Example(cls(size=3, alpha=0.2), {"x": float_tensor(n, 4, 2, h, 3)}),
            Example(cls(size=17, alpha=0.5), {"x": float_tensor(n, 20, 2, h, 3)}),
        )
