"""`log_sigmoid`: the logarithm of the logistic function."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class LogSigmoid(Activation):
    """The logarithm of the logistic function, below 0 everywhere.

        [a, b] -> einsum("nd,nd->n") -> log_sigmoid      # the log-likelihood of a pair

    y = −log(1 + e⁻ˣ), computed so that large numbers do no harm. Losses that end in
    `_with_logits` apply it themselves.
    """

    name: ClassVar[str] = "log_sigmoid"
    call: ClassVar[str] = "F.logsigmoid"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.9212
    exemptions: ClassVar[dict[str, str]] = {
        "saved_bytes": "a CPU keeps e^-|x| beside x, an accelerator computes it again",
    }

    def onnx(self, b: OnnxBuilder) -> str:
        # The logarithm of a sigmoid is that of 0 from about -88 down.
        return b.node("Neg", b.node("Softplus", b.node("Neg", b["x"])))
