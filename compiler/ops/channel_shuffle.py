"""`channel_shuffle`: the channels of several groups, mixed."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_least_rank
from dlc.compiler.ops._parts import divided
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class ChannelShuffle(Op):
    """The channels of several groups, mixed: first those that come first in their group.

        conv2d(240, 1, groups=3) -> channel_shuffle(3)

    Lets the groups of one grouped convolution reach all of the next. With two groups,
    a b c d e f becomes a d b e c f.

    Arguments:
        groups: into how many groups the channels are cut

    Source: Zhang et al., ShuffleNet, 2018.
    """

    name: ClassVar[str] = "channel_shuffle"

    groups: Positive

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_least_rank(self.name, x, 3, "[N, C, ...]")
        help = "give the layer before it a multiple of that many channels"
        divided(self.name, x, 1, self.groups, blame="groups", help=help)
        return x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"F.channel_shuffle({t['x']}, {t.literal(self.groups)})"

    def onnx(self, b: OnnxBuilder) -> str:
        (n, c, *sides), groups = b.inputs.x.shape, self.groups
        each = c // groups
        if isinstance(c, int) and isinstance(each, int):
            order = [group * each + place for place in range(each) for group in range(groups)]
            return b.node("Gather", b["x"], b.constant(order, DType.INT64), axis=1)
        cut = b.node("Reshape", b["x"], b.shape((n, groups, each, *sides)))
        moved = b.node("Transpose", cut, perm=(0, 2, 1, *range(3, 3 + len(sides))))
        return b.node("Reshape", moved, b.shape((n, c, *sides)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w = symbol("N"), symbol("H"), symbol("W")
        return (
            Example(cls(groups=2), {"x": float_tensor(n, 6, h, w)}),
            Example(cls(groups=3), {"x": float_tensor(n, 6, symbol("T"))}),
            Example(cls(groups=2), {"x": float_tensor(n, 2 * h, h, 3)}),
            Example(cls(groups=1), {"x": float_tensor(n, 4, 2, 2, w)}),
        )
