"""`gather`: for every place of an index, the number at that place of a dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis, require_equal, require_int
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component


@component
class Gather(Op):
    """For every place of an index, the number at that place of a dim.

        x -> gather(1, index=places)      # [N, T] and [N, K] -> [N, K]

    With `dim` 1, y[n, k] = x[n, index[n, k]]. The index has as many dims as the input, and
    the same sizes but for `dim`: to gather whole vectors, [N, T, C], `expand` an index of
    [N, K, 1] first. A place outside of the dim is an error when the model runs.

    Arguments:
        dim: the dim; negative ones count from the end
    """

    name: ClassVar[str] = "gather"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        Port("index", "the places, int, with as many dims as the input"),
    )

    dim: int

    def infer(self, inputs: Inputs) -> TensorType:
        x, index = inputs.x, inputs["index"]
        require_int(self.name, index, "index")
        if index.dtype is not INT:
            raise OpError("E0406", f"`gather` takes an index of int, got {index}", blame="index")
        dim = axis(self.name, x, self.dim)
        if index.rank != x.rank:
            raise OpError(
                "E0401",
                f"`gather` takes an index with as many dims as the input, got {x} and {index}",
                blame="index",
                help="add dims with `unsqueeze` and stretch them with `expand`",
            )
        for place, (a, b) in enumerate(zip(x.shape, index.shape, strict=True)):
            if place != dim:
                require_equal(
                    self.name,
                    a,
                    b,
                    f"`gather` along dim {self.dim} needs the other dims equal, got"
                    f" {x.shape_text} and {index.shape_text}",
                    blame="index",
                    help="stretch the index with `expand`, or cut the input with `slice`",
                )
        return x.with_shape(*index.shape)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "index") if inputs.x.dtype.is_float else ()

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.gather({t.literal(self.dim)}, {t['index']})"

    def onnx(self, b: OnnxBuilder) -> str:
        dim = axis(self.name, b.inputs.x, self.dim)
        return b.node("GatherElements", b["x"], b["index"], axis=dim)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S")
        return (
            Example(
                cls(dim=1), {"x": float_tensor(n, 4), "index": int_tensor(n, s)}, {"index": (0, 4)}
            ),
            Example(
                cls(dim=-2),
                {"x": float_tensor(n, 5, t), "index": int_tensor(n, s, t)},
                {"index": (0, 5)},
            ),
            Example(
                cls(dim=1),
                {"x": int_tensor(n, 4), "index": int_tensor(n, 2)},
                {"x": (0, 9), "index": (0, 4)},
            ),
        )
