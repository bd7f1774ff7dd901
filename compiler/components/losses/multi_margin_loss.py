"""The hinge loss over classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Le, NonNegative, OutputName, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair, check_weights
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class MultiMarginLoss(Loss):
    """The hinge loss over classes, that of a support vector machine.

        loss: multi_margin_loss(scores, label)

    The mean over the samples of the sum over the wrong classes j of
    w_t max(0, margin - x_t + x_j)^p / C.

    Arguments:
        input: the scores [N, C]
        target: the class numbers [N], from 0
        p: the power; 1 or 2
        margin: by how much the right class shall lead
        weight: a factor for each class

    Source: Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based
    vector machines" (2001); torch.nn.functional.multi_margin_loss.
    """

    name: ClassVar[str] = "multi_margin_loss"
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"

    input: OutputName
    target: TargetName
    p: Annotated[int, Ge(1), Le(2)] = 1
    margin: float = 1.0
    weight: tuple[NonNegative, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        classes = pair.several_classes(pair.class_dim())
        if pair.x.rank != 2:
            raise ComponentError(
                "E0401",
                f"`multi_margin_loss` takes scores [N, C], and `{self.input}` is {pair.x}",
                blame="input",
                help="use `cross_entropy`, which takes further dims",
            )
        check_weights(self.name, self.weight, classes)

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        keywords = {"p": literal(self.p)} if self.p != 1 else {}
        if self.margin != 1.0:
            keywords["margin"] = literal(self.margin)
        if self.weight is not None:
            keywords["weight"] = f"{x}.new_tensor({literal(list(self.weight))})"
        return call("F.multi_margin_loss", [x, target], keywords)
