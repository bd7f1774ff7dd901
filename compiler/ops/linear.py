"""`linear`: a learned affine map of the last dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import known, require_float, require_least_rank
from dlc.compiler.ops._normed import NormedOp
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Linear(NormedOp):
    """A learned affine map of the last dim: a fully connected layer.

        linear(120)                          # [N, 400] -> [N, 120]
        linear(vocab, weight=tok.weight)     # the transposed table of an embedding

    y = x Aᵀ + b, with A of [out_features, in_features]; all other dims stay. Images are
    flattened first (`flatten`), else the map runs over the last side alone.

    Arguments:
        out_features: the size of the last dim that comes out
        bias: whether b is learned; leave it out before a batch norm
    """

    name: ClassVar[str] = "linear"
    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    out_features: Positive
    bias: bool = True

    def _in_features(self, x: TensorType) -> int:
        help = (
            "give the input a fixed size, or bring it to one with `global_avg_pool` or"
            " `adaptive_avg_pool2d` in place of `flatten`"
        )
        return known(self.name, x, -1, "last size", help)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_least_rank(self.name, x, 2, "[N, ..., in_features]")
        self._in_features(x)
        return x.with_shape(*x.shape[:-1], self.out_features)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        weight = self.weight_parameter("weight", self.out_features, self._in_features(inputs.x))
        if not self.bias:
            return self.stored(weight)
        return self.stored(weight, self.bias_parameter("bias", self.out_features))

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return product(inputs.x.shape) * self.out_features

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return self.norm_bytes((self.out_features, self._in_features(inputs.x)))

    def gain(self, inputs: Inputs) -> float | None:
        if self.spectral_norm:
            return None
        fan_in = self._in_features(inputs.x)
        if self.init is None:
            return 1 / 3
        square = self.init.mean_square((self.out_features, fan_in))
        return None if square is None else fan_in * square

    def torch(self, t: TorchWriter) -> str:
        options = {} if self.bias else {"bias": False}
        layer = t.module("nn.Linear", self._in_features(t.inputs.x), self.out_features, **options)
        return f"{self.normed(t, layer)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        bias = b.weight("bias") if self.bias else None
        if b.inputs.x.rank == 2:
            return b.node("Gemm", b["x"], b.weight("weight"), bias, transB=1)
        y = b.node("MatMul", b["x"], b.weight(Weight("weight").transpose(1, 0)))
        return y if bias is None else b.node("Add", y, bias)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(Linear(out_features=5), {"x": float_tensor(n, 7)}),
            Example(Linear(out_features=5, bias=False), {"x": float_tensor(n, 7)}),
            Example(Linear(out_features=3), {"x": float_tensor(n, t, 4)}),
            Example(Linear(out_features=3, bias=False), {"x": float_tensor(n, 2, t, 4)}),
            Example(Linear(out_features=5, weight_norm=True), {"x": float_tensor(n, 7)}),
            Example(
                Linear(out_features=3, bias=False, spectral_norm=True), {"x": float_tensor(n, t, 4)}
            ),
        )
