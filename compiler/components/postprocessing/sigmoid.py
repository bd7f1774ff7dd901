"""Probabilities of yes-or-no answers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.postprocessing._classes import float_scores
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Sigmoid(Postprocess):
    """Turns logits into the probabilities of yes-or-no answers, each on its own.

        postprocess: {score: sigmoid}

    The output `score` gets a companion `score_probabilities`, 1 / (1 + exp(-x)).
    """

    name: ClassVar[str] = "sigmoid"
    suffix: ClassVar[str] = "probabilities"

    def infer(self, x: TensorType) -> TensorType:
        float_scores(self.name, x)
        return x

    def onnx(self, b: OnnxBuilder, labels: tuple[str, ...]) -> str:
        return b.node("Sigmoid", b["x"])
