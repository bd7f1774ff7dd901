"""`maxout`: the largest of each group of channels."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops._normal import below, mean
from dlc.compiler.ops._parts import divided
from dlc.compiler.ops._reshape import onnx_reshape
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Maxout(Op):
    """The largest of each group of neighbouring channels: an activation that is learned.

        linear(2 * 240) -> maxout(2) -> dropout      # [N, 240]
        conv2d(3 * 64, 5, padding=2) -> maxout(3)    # [N, 64, H, W]

    y[i] = max of x[k · i], ..., x[k · i + k − 1], with k for `num_pieces`, which divides the
    channels. Each result is the upper envelope of k learned straight lines, so that any
    convex function can be had; PyTorch has no such function.

    Arguments:
        num_pieces: how many channels compete for one result
        dim: the dim of the channels

    Source: Goodfellow et al., Maxout networks, 2013.
    """

    name: ClassVar[str] = "maxout"

    num_pieces: Annotated[int, Ge(2)]
    dim: int = 1

    def _groups(self, x: TensorType) -> tuple[int, Dim]:
        """The place of the channels, and the number of their groups."""
        return divided(
            self.name,
            x,
            self.dim,
            self.num_pieces,
            blame="num_pieces",
            help="give the layer before it `num_pieces` times the channels that shall come out",
        )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        place, groups = self._groups(x)
        return x.with_shape(*x.shape[:place], groups, *x.shape[place + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Which of each group was the largest.
        return results[0].elements * DType.INT64.bytes

    def gain(self, inputs: Inputs) -> float:
        k = self.num_pieces
        return mean(lambda z: z * z * k * below(z) ** (k - 1))

    def torch(self, t: TorchWriter) -> str:
        place, _ = self._groups(t.inputs.x)
        pieces = t.literal(self.num_pieces)
        # `amax` would keep its whole input for the gradient, and take twice the time.
        grouped = f"{t['x']}.unflatten({t.literal(self.dim)}, (-1, {pieces}))"
        return f"{grouped}.max({t.literal(place + 1)}).values"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        place, groups = self._groups(x)
        split = (*x.shape[:place], groups, self.num_pieces, *x.shape[place + 1 :])
        axes = b.constant([place + 1], DType.INT64)
        return b.node("ReduceMax", onnx_reshape(b, b["x"], x.shape, split), axes, keepdims=0)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, h, w = (symbol(name) for name in "NTHW")
        return (
            Example(cls(num_pieces=2), {"x": float_tensor(n, 6)}),
            Example(cls(num_pieces=3), {"x": float_tensor(n, 6, h, w)}),
            Example(cls(num_pieces=2, dim=-1), {"x": float_tensor(n, t, 4)}),
            Example(cls(num_pieces=5), {"x": float_tensor(n, 5, t)}),
            Example(cls(num_pieces=2, dim=2), {"x": float_tensor(n, 3, 2 * t)}),
        )
