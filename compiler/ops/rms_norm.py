"""`rms_norm`: division by the root of the mean square."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._last_dims import check_last_dims, last_sizes, refuse_idle_init
from dlc.compiler.ops.base import Example, InitializedOp
from dlc.compiler.record import component

#: The distance of 1 to the next number, which PyTorch takes where `eps` is not given.
_MACHINE_EPS = {
    DType.FLOAT16: 2.0**-10,
    DType.BFLOAT16: 2.0**-7,
    DType.FLOAT32: 2.0**-23,
    DType.FLOAT64: 2.0**-52,
}


@component
class RmsNorm(InitializedOp):
    """Division by the root of the mean square, for each position of each sample.

        residual { rms_norm -> multihead_attention(12, is_causal=true) }

    y = x / √(mean(x²) + eps) · weight, over the last dim. A layer norm that does not subtract
    the mean, without a shift. The same in training and evaluation, and whatever the batch.

    Arguments:
        eps: what is added to the mean square; the precision of the numbers where not given,
            1.2e-7 for float32
        elementwise_affine: whether the scale is learned
        dims: how many of the last dims are normalized together

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.
    """

    name: ClassVar[str] = "rms_norm"

    eps: PositiveFloat | None = None
    elementwise_affine: bool = True
    dims: Positive = keyword(1)

    def validate(self) -> None:
        super().validate()
        refuse_idle_init(self, self.elementwise_affine)

    def _normalized(self, x: TensorType) -> tuple[int, ...]:
        return last_sizes(self.name, x, self.dims)

    def infer(self, inputs: Inputs) -> TensorType:
        check_last_dims(self.name, inputs.x, self.dims)
        return inputs.x

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        if not self.elementwise_affine:
            return ()
        return (self.weight_parameter("weight", *self._normalized(inputs.x), role="norm"),)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The inverse root of each position, and the result before the scale.
        x = inputs.x
        roots = product(x.shape[: -self.dims])
        return (roots + (x.elements if self.elementwise_affine else 0)) * x.dtype.bytes

    def gain(self, inputs: Inputs) -> float | None:
        """With scales of 1, as they start."""
        return 1.0 if self.init is None else None

    def torch(self, t: TorchWriter) -> str:
        shape = self._normalized(t.inputs.x)
        options: dict[str, Value] = {}
        if self.eps is not None:
            options["eps"] = self.eps
        if not self.elementwise_affine:
            options["elementwise_affine"] = False
        layer = t.module("nn.RMSNorm", shape if self.dims > 1 else shape[0], **options)
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        x, dtype = b["x"], b.inputs.x.dtype
        eps = _MACHINE_EPS[dtype] if self.eps is None else self.eps
        if b.opset >= 23:
            shape = self._normalized(b.inputs.x)
            size = product(shape)
            assert isinstance(size, int)
            scale = (
                b.weight("weight")
                if self.elementwise_affine
                else b.constant([1.0] * size, dtype, shape)
            )
            return b.node("RMSNormalization", x, scale, axis=-self.dims, epsilon=eps)
        axes = b.constant(range(-self.dims, 0), DType.INT64)
        mean = b.node("ReduceMean", b.node("Mul", x, x), axes, keepdims=1)
        root = b.node("Sqrt", b.node("Add", mean, b.scalar(eps, dtype)))
        y = b.node("Div", x, root)
        return b.node("Mul", y, b.weight("weight")) if self.elementwise_affine else y

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, t, 6)}),
            Example(cls(eps=1e-3), {"x": float_tensor(n, 6)}),
            Example(cls(elementwise_affine=False), {"x": float_tensor(n, t, 6)}),
            Example(cls(eps=1e-5, dims=2), {"x": float_tensor(n, t, 3, 4)}),
            Example(cls(dims=2, elementwise_affine=False), {"x": float_tensor(n, 3, 4)}),
        )
