"""What the batch norms share, whatever their number of spatial dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, PositiveFloat
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops._checks import known, require_float, require_rank
from dlc.compiler.ops._conv import rank_help
from dlc.compiler.ops.base import WeightedOp
from dlc.compiler.record import component


@component
class BatchNorm(WeightedOp):
    """Batch normalization.

    Arguments:
        eps: what is added to the variance
        momentum: the weight of the new batch in the running statistics; `null` is their
            plain mean over all batches
        affine: whether scale and shift are learned
    """

    rank: ClassVar[int]
    ranks: ClassVar[tuple[int, ...]]
    layout: ClassVar[str]

    eps: PositiveFloat = 1e-5
    momentum: Fraction | None = 0.1
    affine: bool = True

    @property
    def has_bias(self) -> bool:
        return self.affine

    def _channels(self, x: TensorType) -> int:
        help = "give dim 1 a number, or a param of the block (`float[N, width, H, W]`)"
        return known(self.name, x, 1, "number of channels", help)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            *self.ranks,
            layout=self.layout,
            help=rank_help(x, self.rank, "batch_norm")
            or ("use `batch_norm1d` after `flatten`" if x.rank == 2 else None),
        )
        self._channels(x)
        return x

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        channels = self._channels(inputs.x)
        learned: tuple[Parameter, ...] = ()
        if self.affine:
            learned = (
                self.weight_parameter("weight", channels, role="norm"),
                self.bias_parameter("bias", channels, role="norm"),
            )
        return (
            *learned,
            Parameter(name="running_mean", shape=(channels,), role="buffer"),
            Parameter(name="running_var", shape=(channels,), role="buffer"),
            Parameter(name="num_batches_tracked", shape=(), dtype=DType.INT64, role="buffer"),
        )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The batch's mean and inverse deviation.
        return 2 * self._channels(inputs.x) * inputs.x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {}
        if self.eps != 1e-5:
            options["eps"] = self.eps
        if self.momentum != 0.1:
            options["momentum"] = self.momentum
        if not self.affine:
            options["affine"] = False
        layer = t.module(f"nn.BatchNorm{self.rank}d", self._channels(t.inputs.x), **options)
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        channels, dtype = self._channels(b.inputs.x), b.inputs.x.dtype
        if self.affine:
            scale, shift = b.weight("weight"), b.weight("bias")
        else:
            scale = b.constant([1.0] * channels, dtype)
            shift = b.constant([0.0] * channels, dtype)
        return b.node(
            "BatchNormalization",
            b["x"],
            scale,
            shift,
            b.weight("running_mean"),
            b.weight("running_var"),
            epsilon=self.eps,
        )
