"""What the pools over all places share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class GlobalPool(Op):
    """A pool over all places of each channel."""

    method: ClassVar[str]

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            3,
            4,
            5,
            layout="[N, C, L], [N, C, H, W] or [N, C, D, H, W]",
            help="leave it out: there is one number a channel" if x.rank == 2 else None,
        )
        return x.with_shape(*x.shape[:2])

    def torch(self, t: TorchWriter) -> str:
        dims = t.literal(tuple(range(2, t.inputs.x.rank)))
        return f"{t['x']}.{self.method}(dim={dims})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w, t = symbol("N"), symbol("H"), symbol("W"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 4, 5)}),
            Example(cls(), {"x": float_tensor(n, 3, h, w)}),
            Example(cls(), {"x": float_tensor(n, 3, t)}),
            Example(cls(), {"x": float_tensor(n, 2, 3, h, 2)}),
        )
