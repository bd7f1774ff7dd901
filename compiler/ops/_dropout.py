"""What training alone changes: random zeros, random numbers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Probability
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class TrainingOnly(Op):
    """A layer that evaluation and export pass over. Draws come from torch's own generator."""

    def infer(self, inputs: Inputs) -> TensorType:
        require_float(self.name, inputs.x)
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def onnx(self, b: OnnxBuilder) -> str:
        return b["x"]


@component
class ChannelDropout(TrainingOnly):
    """Random zeros for whole channels.

    Arguments:
        p: the probability of a zero
    """

    rank: ClassVar[int]
    layout: ClassVar[str]

    p: Probability = 0.5

    def infer(self, inputs: Inputs) -> TensorType:
        x = super().infer(inputs)
        help = None
        if 3 <= x.rank <= 5:
            help = f"use `dropout{x.rank - 2}d` for {x}"
        elif x.rank == 2:
            help = "use `dropout`: a channel is one number here"
        require_rank(self.name, x, self.rank + 2, layout=self.layout, help=help)
        return x

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # A factor for each channel.
        x = inputs.x
        return x.shape[0] * x.shape[1] * x.dtype.bytes if self.p else 0

    def gain(self, inputs: Inputs) -> float:
        return 1 / (1 - self.p)

    def torch(self, t: TorchWriter) -> str:
        return f"{t.module(f'nn.Dropout{self.rank}d', self.p)}({t['x']})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        sides = tuple(symbol(name) for name in "THW")[: cls.rank]
        x = float_tensor(symbol("N"), 6, *sides)
        return (
            Example(cls(p=0.3), {"x": x}),
            Example(cls(), {"x": x}),
            Example(cls(p=0.0), {"x": x}),
        )
