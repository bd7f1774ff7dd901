"""`prelu`: the rectifier with a learned slope for negative numbers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_equal, require_float, require_least_rank
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Prelu(Op):
    """The rectifier with a learned slope for negative numbers.

        conv2d(64, 3, padding=1) -> prelu          # one slope for all
        conv2d(64, 3, padding=1) -> prelu(64)      # one for each channel

    y = x where x ≥ 0, else weight · x. `no_decay=norm` of the optimizer keeps weight decay
    from the slopes: it would draw them to those of `relu`.

    Arguments:
        num_parameters: the number of slopes: 1, or as many as there are channels, dim 1
        init: the slope that training starts from

    Source: He et al., Delving deep into rectifiers, 2015.
    """

    name: ClassVar[str] = "prelu"

    num_parameters: Positive = 1
    init: float = 0.25

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        if self.num_parameters > 1:
            require_least_rank(
                self.name,
                x,
                2,
                "[N, C, ...] where each channel has a slope",
                help="leave `num_parameters` out: one slope for all",
            )
            require_equal(
                self.name,
                x.shape[1],
                self.num_parameters,
                f"`prelu` has {self.num_parameters} slopes, one for each channel, got {x}",
                blame="num_parameters",
                help="channels are dim 1; give their number, or leave it out for one slope",
            )
        return x

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        # Like the scale of a norm: a number for each channel, which weight decay and
        # penalties should leave alone.
        return (Parameter(name="weight", shape=(self.num_parameters,), role="norm"),)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def gain(self, inputs: Inputs) -> float:
        return (1 + self.init**2) / 2

    def torch(self, t: TorchWriter) -> str:
        counts = (self.num_parameters,) if self.num_parameters != 1 else ()
        options: dict[str, Value] = {} if self.init == 0.25 else {"init": self.init}
        return f"{t.module('nn.PReLU', *counts, **options)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        slope = Weight("weight")
        if self.num_parameters > 1:
            # ONNX aligns shapes at the end.
            slope = slope.reshape(self.num_parameters, *(1,) * (b.inputs.x.rank - 2))
        return b.node("PRelu", b["x"], b.weight(slope))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, h, w = (symbol(name) for name in "NTHW")
        return (
            Example(cls(), {"x": float_tensor(n, t, 4)}),
            Example(cls(init=0.1), {"x": float_tensor(n, 4)}),
            Example(cls(num_parameters=3), {"x": float_tensor(n, 3, h, w)}),
            Example(cls(num_parameters=5), {"x": float_tensor(n, 5)}),
            Example(cls(num_parameters=1), {"x": float_tensor(n, 1, t)}),
        )
