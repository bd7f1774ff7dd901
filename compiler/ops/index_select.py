"""`index_select`: places of a dim that another tensor names."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis, require_int, require_rank
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class IndexSelect(Op):
    """Places of a dim that another tensor names, the same for the whole batch.

        x -> index_select(1, index=places)        # [N, T, C] and [K] -> [N, K, C]

    To name other places for each sample use `gather`; for places known now, `select` and
    `slice`. A place outside of the dim is an error when the model runs.

    Arguments:
        dim: the dim; negative ones count from the end
    """

    name: ClassVar[str] = "index_select"
    ports: ClassVar[tuple[Port, ...]] = (Port("x"), Port("index", "the places, int[K], from 0"))

    dim: int

    def infer(self, inputs: Inputs) -> TensorType:
        x, index = inputs.x, inputs["index"]
        require_int(self.name, index, "index")
        require_rank(self.name, index, 1, layout="an index of [K]", port="index")
        dim = axis(self.name, x, self.dim)
        return x.with_shape(*x.shape[:dim], index.shape[0], *x.shape[dim + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("index",) if inputs.x.dtype.is_float else ()

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.index_select({t.literal(self.dim)}, {t['index']})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Gather", b["x"], b["index"], axis=axis(self.name, b.inputs.x, self.dim))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S")
        return (
            Example(
                cls(dim=1), {"x": float_tensor(n, 4, t), "index": int_tensor(s)}, {"index": (0, 4)}
            ),
            Example(
                cls(dim=-1), {"x": float_tensor(n, t, 5), "index": int_tensor(3)}, {"index": (0, 5)}
            ),
            Example(
                cls(dim=1),
                {"x": int_tensor(n, 4), "index": int_tensor(s)},
                {"x": (0, 9), "index": (0, 4)},
            ),
        )
