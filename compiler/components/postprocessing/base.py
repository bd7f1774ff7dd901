"""The base of postprocessing steps."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Postprocess(Component):
    """One step from a network output to what a user wants, inside the exported graph.

    Its result is an output of its own, called `<output>_<suffix>`.
    """

    kind: ClassVar[str] = "postprocess"
    suffix: ClassVar[str]

    def infer(self, x: TensorType) -> TensorType:
        """The type of the result. Raises `ComponentError`."""
        raise NotImplementedError(self.name)

    def onnx(self, b: OnnxBuilder, labels: tuple[str, ...]) -> str:
        """The ONNX nodes on port `x`; `labels` are the class names, empty where unknown."""
        raise NotImplementedError(self.name)
