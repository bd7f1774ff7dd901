"""What the losses over classes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import NonNegative, OutputName, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair, check_weights
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class ClassLoss(Loss):
    """A loss between a score for each class and class numbers.

    Arguments:
        input: the scores; the classes are the second dim, or the last
        target: the class numbers, from 0
        weight: a factor for each class; `balanced` are those that undo the imbalance of the
            training part, rows / (classes * rows of the class)
        ignore_index: the class number that does not count
    """

    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "labels"

    input: OutputName
    target: TargetName
    weight: tuple[NonNegative, ...] | Literal["balanced"] | None = None
    ignore_index: int = -100

    @property
    def balanced(self) -> bool:
        return self.weight == "balanced"

    @property
    def factors(self) -> tuple[float, ...] | None:
        """The factor of each class; None where all are 1, as they are until data is read."""
        return None if isinstance(self.weight, str) else self.weight

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def pair(self, types: Mapping[str, TensorType]) -> Pair:
        return Pair(self.name, self.input, types[self.input], self.target, types[self.target])

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = self.pair(types)
        classes = pair.several_classes(pair.class_dim())
        check_weights(self.name, self.factors, classes)
        if self.balanced and not isinstance(classes, int):
            raise ComponentError(
                "E0402",
                f"`balanced` wants a number of classes, and `{self.input}` has {classes}",
                blame="weight",
                help=f"declare how many classes `{self.input}` has",
            )

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        keywords = self._keywords(x)
        pair = self.pair(types)
        if pair.t.dtype.is_int and pair.x.rank > 2 and pair.class_dim() == -1:
            # torch wants the classes second; one row a class vector is the same mean.
            return call(f"F.{self.name}", [f"{x}.flatten(0, -2)", f"{target}.flatten()"], keywords)
        return call(f"F.{self.name}", [x, target], keywords)

    def _keywords(self, x: str) -> dict[str, str]:
        """The further arguments of the torch function, as source text."""
        keywords = {}
        if self.factors is not None:
            keywords["weight"] = f"{x}.new_tensor({literal(list(self.factors))})"
        if self.ignore_index != -100:
            keywords["ignore_index"] = literal(self.ignore_index)
        return keywords
