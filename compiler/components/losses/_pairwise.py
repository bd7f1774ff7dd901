"""What the losses that compare number by number share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, OutputOrTarget
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class PairwiseLoss(Loss):
    """The mean over all numbers of a function of each pair.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"

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

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        if not types[self.target].dtype.is_float:
            target = f"{target}.to({x}.dtype)"
        return call(f"F.{self.name}", [x, target], self._keywords())

    def _keywords(self) -> dict[str, str]:
        """The further arguments of the torch function, as source text."""
        return {}
