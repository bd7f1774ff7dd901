"""`layer_norm`: normalization over the last dims of each sample."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._last_dims import check_last_dims, last_sizes, refuse_idle_init
from dlc.compiler.ops.base import Example, WeightedOp
from dlc.compiler.record import component


@component
class LayerNorm(WeightedOp):
    """Normalization over the last dim, for each position of each sample.

        residual { multihead_attention(12) }
        layer_norm

    y = (x − mean) / √(variance + eps) · weight + bias. The same in training and evaluation,
    and whatever the batch.

    Arguments:
        eps: what is added to the variance
        elementwise_affine: whether scale and shift are learned
        bias: whether there is a shift beside the scale
        dims: how many of the last dims are normalized together

    Source: Ba, Kiros and Hinton, Layer normalization, 2016.
    """

    name: ClassVar[str] = "layer_norm"

    eps: PositiveFloat = 1e-5
    elementwise_affine: bool = True
    bias: bool = True
    dims: Positive = keyword(1)

    @property
    def has_bias(self) -> bool:
        return self.elementwise_affine and self.bias

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
        shape = self._normalized(inputs.x)
        weight = self.weight_parameter("weight", *shape, role="norm")
        if not self.bias:
            return (weight,)
        return (weight, self.bias_parameter("bias", *shape, role="norm"))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The mean and inverse deviation of each position.
        return product(inputs.x.shape[: -self.dims]) * 2 * inputs.x.dtype.bytes

    def gain(self, inputs: Inputs) -> float | None:
        """With scales of 1 and shifts of 0, as they start."""
        return 1.0 if self.init is None and self.bias_init is None else None

    def torch(self, t: TorchWriter) -> str:
        shape = self._normalized(t.inputs.x)
        options: dict[str, Value] = {}
        if self.eps != 1e-5:
            options["eps"] = self.eps
        if not self.elementwise_affine:
            options["elementwise_affine"] = False
        elif not self.bias:
            options["bias"] = False
        layer = t.module("nn.LayerNorm", shape if self.dims > 1 else shape[0], **options)
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        shape = self._normalized(b.inputs.x)
        size = product(shape)
        assert isinstance(size, int)
        scale = (
            b.weight("weight")
            if self.elementwise_affine
            else b.constant([1.0] * size, b.inputs.x.dtype, shape)
        )
        shift = b.weight("bias") if self.elementwise_affine and self.bias else None
        return b.node("LayerNormalization", b["x"], scale, shift, axis=-self.dims, epsilon=self.eps)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, t, 6)}),
            Example(cls(eps=1e-12), {"x": float_tensor(n, 6)}),
            Example(cls(bias=False), {"x": float_tensor(n, t, 6)}),
            Example(cls(elementwise_affine=False), {"x": float_tensor(n, t, 6)}),
            Example(cls(dims=2), {"x": float_tensor(n, t, 3, 4)}),
            Example(cls(dims=2, elementwise_affine=False), {"x": float_tensor(n, 3, 4)}),
        )
