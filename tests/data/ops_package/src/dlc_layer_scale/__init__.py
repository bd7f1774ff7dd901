"""LayerScale, an op of another package."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers.constant import Constant
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_HELPER = '''\
class LayerScale(nn.Module):
    """Scales every channel by a learned number."""

    def __init__(self, channels: int, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight
'''


@component
class LayerScale(Op):
    """Scales every channel by a learned number, small at first.

        residual { linear(4 * dim) -> gelu -> linear(dim) -> layer_scale(1e-4) }

    y = w · x over the last dim. Deep residual networks begin near the identity this way.

    Arguments:
        value: what every number starts at

    Source: Touvron et al., Going deeper with image transformers, 2021.
    """

    name: ClassVar[str] = "layer_scale"

    value: float = 1e-5

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        if not x.dtype.is_float:
            raise OpError("E0406", f"`layer_scale` scales floats, got {x}", blame="x")
        if not isinstance(x.shape[-1], int):
            raise OpError(
                "E0403",
                f"`layer_scale` must know the last size of {x}",
                blame="x",
                help="give the last dim a number, or a param of the block",
            )
        return x

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        start = Constant(val=self.value)
        return (Parameter(name="weight", shape=(inputs.x.shape[-1],), initializer=start),)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def gain(self, inputs: Inputs) -> float:
        return self.value**2

    def torch(self, t: TorchWriter) -> str:
        helper = t.helper("LayerScale", _HELPER)
        channels = t.inputs.x.shape[-1]
        assert isinstance(channels, int)
        return f"{t.module(helper, channels, self.value)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Mul", b["x"], b.weight("weight"))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 4)}),
            Example(cls(value=0.5), {"x": float_tensor(n, t, 3)}),
        )
