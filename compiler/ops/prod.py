"""`prod`: the product over one dim, or over all."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import DType, TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops._reduction import Reduction, require_numbers, summed_dtype
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Prod(Reduction):
    """The product over one dim, or over all.

        x -> prod(dim=-1)

    Flags count as 0 and 1; the product of whole numbers or flags is int. Products of many
    numbers leave the range of float soon: sum their logarithms where that may be.

    Arguments:
        dim: the dim that goes; without it all, the batch too
        keepdim: whether it stays as a dim of size 1
    """

    name: ClassVar[str] = "prod"
    method: ClassVar[str] = "prod"
    onnx_type: ClassVar[str] = "ReduceProd"

    dim: int | None = None

    def validate(self) -> None:
        if self.keepdim and self.dim is None:
            raise OpError(
                "E0311",
                "`keepdim` of `prod` speaks of `dim`, which is not given",
                blame="keepdim",
                help="give `dim`, or reshape the one number",
            )

    def require(self, x: TensorType) -> None:
        require_numbers(self.name, x, bools=True)

    def result_dtype(self, dtype: DType) -> DType:
        return summed_dtype(dtype)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y") if inputs.x.dtype.is_float else ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": float_tensor(n, t, 4)}),
            Example(cls(dim=-1, keepdim=True), {"x": float_tensor(n, t, 4)}),
            Example(
                cls(),
                {"x": float_tensor(n, t, 2)},
                extremes=False,
                reason="whether a product of huge numbers passes infinity depends on its order",
            ),
            Example(cls(dim=1), {"x": int_tensor(n, t)}, {"x": (-3, 4)}),
            Example(cls(dim=-1), {"x": bool_tensor(n, t)}),
        )
