"""`sum`: the sum over some dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import DType, TensorType, bool_tensor, int_tensor
from dlc.compiler.ops._reduction import Reduction, require_numbers, summed_dtype
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Sum(Reduction):
    """The sum over some dims.

        [a, b] -> mul -> sum(dim=-1)      # the dot product of each pair of rows
        tokens -> ne(0) -> sum(dim=1)     # int[N]: how many tokens are no padding

    Flags count as 0 and 1; the sum of whole numbers or flags is int.
    """

    name: ClassVar[str] = "sum"
    method: ClassVar[str] = "sum"
    onnx_type: ClassVar[str] = "ReduceSum"

    def require(self, x: TensorType) -> None:
        require_numbers(self.name, x, bools=True)

    def result_dtype(self, dtype: DType) -> DType:
        return summed_dtype(dtype)

    def gain(self, inputs: Inputs) -> float | None:
        count = self.known_count(inputs)
        return None if count is None else float(count)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            *super().examples(),
            Example(cls(dim=1), {"x": int_tensor(n, t)}, {"x": (-9, 9)}),
            Example(cls(dim=-1), {"x": bool_tensor(n, t)}),
        )
