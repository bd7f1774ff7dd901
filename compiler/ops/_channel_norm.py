"""What the norms with a scale and a shift for each channel share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops._checks import known
from dlc.compiler.ops.base import OpError, WeightedOp
from dlc.compiler.record import component


@component
class ChannelNorm(WeightedOp):
    """A norm with a scale and a shift for each channel, dim 1.

    Arguments:
        eps: what is added to the variance
        affine: whether scale and shift are learned
    """

    if TYPE_CHECKING:
        # Fields of the subclasses, which stand in different places there.
        eps: PositiveFloat = 1e-5
        affine: bool = True

    @property
    def has_bias(self) -> bool:
        return self.affine

    def validate(self) -> None:
        super().validate()
        if self.init is not None and not self.affine:
            raise OpError(
                "E0311",
                f"`{self.name}` has no weight here, yet `init` is given",
                blame="init",
                help="leave out `init`, or write `affine=true`",
            )

    def _channels(self, x: TensorType) -> int:
        help = "give dim 1 a number, or a param of the block (`float[N, width, H, W]`)"
        return known(self.name, x, 1, "number of channels", help)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        if not self.affine:
            return ()
        channels = self._channels(inputs.x)
        return (
            self.weight_parameter("weight", channels, role="norm"),
            self.bias_parameter("bias", channels, role="norm"),
        )

    def statistics(self, x: TensorType) -> tuple[Parameter, ...]:
        """The buffers of running statistics."""
        channels = self._channels(x)
        return (
            Parameter(name="running_mean", shape=(channels,), role="buffer"),
            Parameter(name="running_var", shape=(channels,), role="buffer"),
            Parameter(name="num_batches_tracked", shape=(), dtype=DType.INT64, role="buffer"),
        )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def gain(self, inputs: Inputs) -> float | None:
        """With scales of 1 and shifts of 0, as they start."""
        return 1.0 if self.init is None and self.bias_init is None else None

    def onnx_affine(self, b: OnnxBuilder) -> tuple[str, str]:
        """The scale and the shift; 1 and 0 where none are learned."""
        if self.affine:
            return b.weight("weight"), b.weight("bias")
        channels, dtype = self._channels(b.inputs.x), b.inputs.x.dtype
        return b.constant([1.0] * channels, dtype), b.constant([0.0] * channels, dtype)

    def onnx_normalized(self, b: OnnxBuilder, x: str, rank: int, scale: str, shift: str) -> str:
        """`x` of [N, C, ...] with `rank` dims normalized over all but the first two.

        It is centred before: onnxruntime multiplies with the scale first and subtracts
        then, which leaves little of a small deviation about a large mean.
        """
        axes = b.constant(range(2, rank), DType.INT64)
        centred = b.node("Sub", x, b.node("ReduceMean", x, axes, keepdims=1))
        return b.node("InstanceNormalization", centred, scale, shift, epsilon=self.eps)


def refuse_idle_momentum(op: str, momentum: float | None, tracks: bool) -> None:
    """Raises E0311 where a momentum is given to running statistics that are not kept."""
    if not tracks and momentum != 0.1:
        raise OpError(
            "E0311",
            f"`{op}` keeps no running statistics here, yet `momentum` is given",
            blame="momentum",
            help="leave out `momentum`, or write `track_running_stats=true`",
        )
