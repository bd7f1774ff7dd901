"""`group_norm`: normalization of groups of channels of each sample."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._channel_norm import ChannelNorm
from dlc.compiler.ops._checks import require_float, require_least_rank
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class GroupNorm(ChannelNorm):
    """Normalization of groups of channels, for each sample.

        conv2d(64, 3, padding=1) -> group_norm(32) -> relu

    y = (x − mean) / √(variance + eps) · weight + bias. The mean and variance are those of a
    group of neighbouring channels over all places; scale and shift are learned for each
    channel. Takes [N, C, ...]; the same in training and evaluation, and whatever the batch.
    One group is a layer norm over channels and places, as many as channels an instance norm.

    Arguments:
        num_groups: into how many groups the channels are cut; divides their number

    Source: Wu and He, Group normalization, 2018.
    """

    name: ClassVar[str] = "group_norm"

    num_groups: Positive
    eps: PositiveFloat = 1e-5
    affine: bool = True

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_least_rank(
            self.name, x, 2, "[N, C, ...]", help="the channels are dim 1, behind the batch"
        )
        channels = self._channels(x)
        if channels % self.num_groups:
            raise OpError(
                "E0404",
                f"`num_groups` must divide the channels, got {self.num_groups} and {x}",
                blame="num_groups",
            )
        if product((channels // self.num_groups, *x.shape[2:])) == 1:
            raise OpError(
                "E0302",
                f"each group of `{self.name}` needs more than one number, got"
                f" {self.num_groups} groups of {x}",
                blame="num_groups",
                help="one number is its own mean: use fewer groups",
            )
        return x

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The mean and inverse deviation of each group.
        return inputs.x.shape[0] * 2 * self.num_groups * inputs.x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {}
        if self.eps != 1e-5:
            options["eps"] = self.eps
        if not self.affine:
            options["affine"] = False
        layer = t.module("nn.GroupNorm", self.num_groups, self._channels(t.inputs.x), **options)
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        # Not by ONNX's GroupNormalization, a function that takes the variance for the
        # difference of two mean squares, which cancel.
        x = b.inputs.x
        groups = b.constant([0, self.num_groups, -1], DType.INT64)
        ones, zeros = [1.0] * self.num_groups, [0.0] * self.num_groups
        y = self.onnx_normalized(
            b,
            b.node("Reshape", b["x"], groups),
            3,
            b.constant(ones, x.dtype),
            b.constant(zeros, x.dtype),
        )
        y = b.node("Reshape", y, b.shape(x.shape))
        if not self.affine:
            return y
        along = (self._channels(x), *[1] * (x.rank - 2))
        y = b.node("Mul", y, b.weight(Weight("weight").reshape(*along)))
        return b.node("Add", y, b.weight(Weight("bias").reshape(*along)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(num_groups=2), {"x": float_tensor(n, 6, 4, 5)}),
            Example(cls(num_groups=3, eps=1e-3), {"x": float_tensor(n, 6, symbol("H"), 4)}),
            Example(cls(num_groups=1, affine=False), {"x": float_tensor(n, 4, t)}),
            Example(cls(num_groups=4), {"x": float_tensor(n, 4, t)}),
            Example(cls(num_groups=2), {"x": float_tensor(n, 6)}),
            Example(cls(num_groups=2, affine=False), {"x": float_tensor(n, 4, 2, 3, t)}),
        )
