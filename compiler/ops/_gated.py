"""Gated units: one half of a dim says how much of the other passes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops._parts import divided
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class GatedUnit(Op):
    """One half of a dim says how much of the other passes.

    Class variable: `mean_square`, of the result for halves that are normal.

    Arguments:
        dim: the dim that is cut into halves
    """

    mean_square: ClassVar[float]

    dim: int = -1

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        place, half = divided(
            self.name,
            x,
            self.dim,
            2,
            blame="x",
            help=f"give the layer before it twice the size that `{self.name}` shall give",
        )
        return x.with_shape(*x.shape[:place], half, *x.shape[place + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def gain(self, inputs: Inputs) -> float:
        return self.mean_square

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 6)}),
            Example(cls(), {"x": float_tensor(n, t, 4)}),
            Example(cls(dim=1), {"x": float_tensor(n, 4, t)}),
            Example(cls(dim=1), {"x": float_tensor(n, 2 * t, 3)}),
        )
