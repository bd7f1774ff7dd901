"""What the instance norms share, whatever their number of spatial dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, PositiveFloat
from dlc.compiler.ir.dims import Dim, product
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._channel_norm import ChannelNorm, refuse_idle_momentum
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._conv import layout, rank_help
from dlc.compiler.ops.base import OpError
from dlc.compiler.record import component


@component
class InstanceNorm(ChannelNorm):
    """Instance normalization.

    Arguments:
        momentum: the weight of the new batch in the running statistics
        track_running_stats: whether running statistics are kept, and taken in evaluation
            and by the exported model in place of the sample's own
    """

    rank: ClassVar[int]

    eps: PositiveFloat = 1e-5
    momentum: Fraction = 0.1
    affine: bool = False
    track_running_stats: bool = False

    def validate(self) -> None:
        super().validate()
        refuse_idle_momentum(self.name, self.momentum, self.track_running_stats)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            self.rank + 2,
            layout=layout(self.rank),
            help=rank_help(x, self.rank, "instance_norm"),
        )
        if product(x.shape[2:]) == 1:
            raise OpError(
                "E0302",
                f"`{self.name}` needs more than one place in each channel, got {x}",
                blame="x",
                help="one number is its own mean: normalize before the image has shrunk to"
                " one place, or over the channels with `layer_norm` after `flatten`",
            )
        self._channels(x)
        return x

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        learned = super().parameters(inputs)
        return (*learned, *self.statistics(inputs.x)) if self.track_running_stats else learned

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Numbers for each channel of each sample: mean and inverse deviation, the repeated
        # scale, the repeated running statistics.
        x = inputs.x
        copies = 2 + self.affine + 2 * self.track_running_stats
        return copies * product(x.shape[:2]) * x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {
            name: getattr(self, name)
            for name, default in (
                ("eps", 1e-5),
                ("momentum", 0.1),
                ("affine", False),
                ("track_running_stats", False),
            )
            if getattr(self, name) != default
        }
        layer = t.module(f"nn.InstanceNorm{self.rank}d", self._channels(t.inputs.x), **options)
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        scale, shift = self.onnx_affine(b)
        if not self.track_running_stats:
            return self.onnx_normalized(b, b["x"], self.rank + 2, scale, shift)
        return b.node(
            "BatchNormalization",
            b["x"],
            scale,
            shift,
            b.weight("running_mean"),
            b.weight("running_var"),
            epsilon=self.eps,
        )
