"""What the metrics that compare number by number share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import OutputName, OutputOrTarget
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.metrics.base import Metric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class PairwiseMetric(Metric):
    """The mean over all numbers of a distance of each pair."""

    higher_is_better: ClassVar[bool] = False

    input: OutputName
    target: OutputOrTarget

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        pair.float_input()
        pair.numeric_target()
        pair.same_shape()
