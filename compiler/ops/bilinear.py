"""`bilinear`: a learned product of two vectors."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import known, require_equal, require_float, require_least_rank
from dlc.compiler.ops._normed import NormedOp
from dlc.compiler.ops.base import Example, OpError, Port
from dlc.compiler.record import component


@component
class Bilinear(NormedOp):
    """A learned product of the last dims of two tensors.

        [visual, tabular] -> bilinear(32)      # [N, 128] and [N, 16] -> [N, 32]
        score = question -> bilinear(1, other=answer)

    y_k = xᵀ A_k z + b_k, with A of [out_features, size of x, size of z]: each number of the
    result weighs all products of a number of x with one of z. All dims but the last are the
    same in both, and stay. PyTorch's counter counts none of its products.

    Arguments:
        out_features: the size of the last dim that comes out
        bias: whether b is learned
    """

    name: ClassVar[str] = "bilinear"
    ports: ClassVar[tuple[Port, ...]] = (Port("x"), Port("other", "the second factor"))

    out_features: Positive
    bias: bool = True

    def _in_features(self, inputs: Inputs) -> tuple[int, int]:
        help = (
            "give the input a fixed size, or bring it to one with `global_avg_pool` or"
            " `adaptive_avg_pool2d` in place of `flatten`"
        )
        x = known(self.name, inputs.x, -1, "last size", help)
        return x, known(self.name, inputs["other"], -1, "last size", help, "other")

    def infer(self, inputs: Inputs) -> TensorType:
        x, other = inputs.x, inputs["other"]
        for port, value in (("x", x), ("other", other)):
            require_float(self.name, value, port)
            require_least_rank(self.name, value, 2, "[N, ..., in_features]", port)
        if x.dtype is not other.dtype:
            raise OpError(
                "E0406", f"`bilinear` needs one element type, got {x} and {other}", blame="other"
            )
        what = f"`bilinear` needs equal dims before the last, got {x} and {other}"
        if x.rank != other.rank:
            raise OpError("E0401", what, blame="other")
        for a, b in zip(x.shape[:-1], other.shape[:-1], strict=True):
            require_equal(self.name, a, b, what, blame="other")
        self._in_features(inputs)
        return x.with_shape(*x.shape[:-1], self.out_features)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        weight = self.weight_parameter("weight", self.out_features, *self._in_features(inputs))
        if not self.bias:
            return self.stored(weight)
        return self.stored(weight, self.bias_parameter("bias", self.out_features))

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Three matrix products in one, of which torch's counter knows nothing.
        return 0

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "other")

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return self.norm_bytes((self.out_features, *self._in_features(inputs)))

    def gain(self, inputs: Inputs) -> float | None:
        if self.spectral_norm:
            return None
        left, right = self._in_features(inputs)
        if self.init is None:
            return right / 3
        square = self.init.mean_square((self.out_features, left, right))
        return None if square is None else left * right * square

    def torch(self, t: TorchWriter) -> str:
        options = {} if self.bias else {"bias": False}
        sizes = self._in_features(t.inputs)
        layer = t.module("nn.Bilinear", *sizes, self.out_features, **options)
        return f"{self.normed(t, layer)}({t['x']}, {t['other']})"

    def onnx(self, b: OnnxBuilder) -> str:
        left, right = self._in_features(b.inputs)
        out, rank = self.out_features, b.inputs.x.rank
        matrix = Weight("weight").transpose(1, 0, 2).reshape(left, out * right)
        rows = b.node("MatMul", b["x"], b.weight(matrix))
        forms = b.constant([*[0] * (rank - 1), out, right], DType.INT64)
        last = b.constant([-1], DType.INT64)
        column = b.node("Unsqueeze", b["other"], last)
        y = b.node("MatMul", b.node("Reshape", rows, forms), column)
        y = b.node("Squeeze", y, last)
        return b.node("Add", y, b.weight("bias")) if self.bias else y

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(out_features=5), {"x": float_tensor(n, 3), "other": float_tensor(n, 4)}),
            Example(
                cls(out_features=1, bias=False),
                {"x": float_tensor(n, 4), "other": float_tensor(n, 4)},
            ),
            Example(
                cls(out_features=2), {"x": float_tensor(n, t, 3), "other": float_tensor(n, t, 2)}
            ),
            Example(
                cls(out_features=3, bias=False),
                {"x": float_tensor(n, 2, t, 3), "other": float_tensor(n, 2, t, 4)},
            ),
            Example(
                cls(out_features=3, weight_norm=True),
                {"x": float_tensor(n, 3), "other": float_tensor(n, 4)},
            ),
            Example(
                cls(out_features=3, spectral_norm=True),
                {"x": float_tensor(n, 3), "other": float_tensor(n, 4)},
            ),
        )
