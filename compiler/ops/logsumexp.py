"""`logsumexp`: the logarithm of a sum of exponentials."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops._reduction import Reduction
from dlc.compiler.record import component


@component
class Logsumexp(Reduction):
    """The logarithm of a sum of exponentials, a smooth maximum.

        scores -> logsumexp(dim=-1)

    y = log Σ eˣ, computed so that large numbers do no harm.
    """

    name: ClassVar[str] = "logsumexp"
    method: ClassVar[str] = "logsumexp"
    onnx_type: ClassVar[str] = "ReduceLogSumExp"

    def require(self, x: TensorType) -> None:
        require_float(self.name, x)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y")

    def torch_arguments(self, t: TorchWriter) -> list[str]:
        # PyTorch wants the dims even where all of them go.
        if self.dim is None and not self.keepdim:
            return [f"dim={t.literal(self.dims(t.inputs.x))}"]
        return super().torch_arguments(t)
