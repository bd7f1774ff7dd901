"""Probabilities of exclusive classes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.postprocessing._classes import class_axis, float_scores
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Softmax(Postprocess):
    """Turns logits into the probabilities of exclusive classes.

        postprocess: {logits: softmax}

    The output `logits` gets a companion `logits_probabilities`, exp(x) over the sum of
    exp(x) over the classes.

    Arguments:
        dim: the dim of the classes; -1 is the last
    """

    name: ClassVar[str] = "softmax"
    suffix: ClassVar[str] = "probabilities"

    dim: int = -1

    def infer(self, x: TensorType) -> TensorType:
        float_scores(self.name, x)
        class_axis(self.name, x, self.dim)
        return x

    def onnx(self, b: OnnxBuilder, labels: tuple[str, ...]) -> str:
        return b.node("Softmax", b["x"], axis=class_axis(self.name, b.inputs.x, self.dim))
