"""The base of preprocessing steps."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import Component
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Preprocess(Component):
    """One step from a raw column to a network input.

    `where` is "host" for what runs once before training and in `dlc predict` (decoding,
    tokenizing), "graph" for what is part of the exported graph. `statistics` names what
    is fitted on the training part; in the graph each is a `b.weight(name)`.
    """

    kind: ClassVar[str] = "preprocess"
    where: ClassVar[Literal["host", "graph"]] = "graph"
    statistics: ClassVar[tuple[str, ...]] = ()

    def infer(self, x: TensorType) -> TensorType:
        """The type after the step. Raises `ComponentError`."""
        raise NotImplementedError(self.name)

    def onnx(self, b: OnnxBuilder) -> str:
        """The ONNX nodes of a graph step on port `x`."""
        raise NotImplementedError(self.name)

    @property
    def fills(self) -> tuple[str, ...]:
        """Other inputs and targets that the step fills (`lengths=lengths`)."""
        return ()
