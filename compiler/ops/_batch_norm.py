"""What the batch norms share, whatever their number of spatial dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, PositiveFloat
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops._channel_norm import ChannelNorm, refuse_idle_momentum
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._conv import rank_help
from dlc.compiler.record import component


@component
class BatchNorm(ChannelNorm):
    """Batch normalization.

    Arguments:
        momentum: the weight of the new batch in the running statistics; `null` is their
            plain mean over all batches
        track_running_stats: whether running statistics are kept; without them evaluation
            and the exported model take the statistics of their batch, so that a result
            depends on what else is in the batch
    """

    rank: ClassVar[int]
    ranks: ClassVar[tuple[int, ...]]
    layout: ClassVar[str]

    eps: PositiveFloat = 1e-5
    momentum: Fraction | None = 0.1
    affine: bool = True
    track_running_stats: bool = True

    def validate(self) -> None:
        super().validate()
        refuse_idle_momentum(self.name, self.momentum, self.track_running_stats)

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
        learned = super().parameters(inputs)
        return (*learned, *self.statistics(inputs.x)) if self.track_running_stats else learned

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
        if not self.track_running_stats:
            options["track_running_stats"] = False
        layer = t.module(f"nn.BatchNorm{self.rank}d", self._channels(t.inputs.x), **options)
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        if not self.track_running_stats:
            return self._onnx_of_the_batch(b)
        scale, shift = self.onnx_affine(b)
        return b.node(
            "BatchNormalization",
            b["x"],
            scale,
            shift,
            b.weight("running_mean"),
            b.weight("running_var"),
            epsilon=self.eps,
        )

    def _onnx_of_the_batch(self, b: OnnxBuilder) -> str:
        """The batch laid out behind the channels is one sample of an instance norm: the
        training mode of ONNX's BatchNormalization is for training alone."""
        shape = b.inputs.x.shape
        turned = [1, 0, *range(2, len(shape))]
        sample = b.node("Transpose", b["x"], perm=turned)
        one_sample = b.constant([1, self._channels(b.inputs.x), -1], DType.INT64)
        flat = b.node("Reshape", sample, one_sample)
        y = self.onnx_normalized(b, flat, 3, *self.onnx_affine(b))
        back = b.node("Reshape", y, b.shape([shape[place] for place in turned]))
        return b.node("Transpose", back, perm=turned)
