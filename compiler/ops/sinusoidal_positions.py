"""`sinusoidal_positions`: tells places by sines and cosines."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._angles import angles_helper, onnx_waves
from dlc.compiler.ops._checks import require_even, require_float, require_rank
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component

_HELPER = '''\
def sinusoidal_positions(x: Tensor, base: float) -> Tensor:
    """x of [N, T, C] plus the sine and cosine of each place, in turns along C."""
    turns = angles(x, base)
    return x + torch.stack((turns.sin(), turns.cos()), dim=-1).flatten(1).to(x.dtype)
'''


@component
class SinusoidalPositions(Op):
    """Tells the places of a sequence by sines and cosines, which it adds.

        tokens -> embedding(32000, 512) -> mul(scalar=22.6) -> sinusoidal_positions -> dropout(0.1)

    y[t, 2i] = x[t, 2i] + sin(t / base^(2i/C)) and y[t, 2i+1] = x[t, 2i+1] + cos(t / base^(2i/C)),
    for [N, T, C] with C even. Nothing is learned, and no length is too long. The sums of
    squares that are added are C / 2 at each place: the paper multiplies the vectors of the
    words by √C before, so that they are not drowned.

    Arguments:
        base: what the wavelengths grow to, 2π at first, 2π·base at last

    Source: Vaswani et al., Attention is all you need, 2017.
    """

    name: ClassVar[str] = "sinusoidal_positions"

    base: Annotated[float, Gt(1)] = 10000.0

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(self.name, x, 3, layout="[N, T, C]")
        require_even(self.name, x)
        return x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.5

    def torch(self, t: TorchWriter) -> str:
        angles_helper(t)
        t.helper("sinusoidal_positions", _HELPER)
        return f"sinusoidal_positions({t['x']}, {t.literal(self.base)})"

    def onnx(self, b: OnnxBuilder) -> str:
        width = require_even(self.name, b.inputs.x)
        last = b.constant([-1], DType.INT64)
        cos, sin = (
            b.node("Unsqueeze", wave, last)
            for wave in onnx_waves(b, b.inputs.x.shape[1], width, self.base)
        )
        table = b.node("Concat", sin, cos, axis=-1)
        table = b.node("Reshape", table, b.constant([-1, width], DType.INT64))
        return b.node("Add", b["x"], table)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, t, 6)}),
            Example(cls(base=100.0), {"x": float_tensor(n, 700, 4)}),
        )
