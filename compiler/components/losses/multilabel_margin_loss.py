"""The hinge loss of several labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class MultilabelMarginLoss(Loss):
    """The hinge loss of several labels that are right, given by their numbers.

        loss: multilabel_margin_loss(scores, labels)

    The mean over the samples of the sum over right classes y and wrong classes j of
    max(0, 1 - x_y + x_j) / C. A row of the target holds the numbers of the right classes; what
    is behind the first -1 does not count.

    Arguments:
        input: the scores [N, C]
        target: the numbers of the right classes, [N, C], filled up with -1

    Source: torch.nn.functional.multilabel_margin_loss.
    """

    name: ClassVar[str] = "multilabel_margin_loss"
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"

    input: OutputName
    target: TargetName

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        pair.float_input()
        if pair.x.rank != 2 or not pair.t.dtype.is_int:
            raise ComponentError(
                "E0401" if pair.x.rank != 2 else "E0406",
                f"`multilabel_margin_loss` takes scores [N, C] and class numbers [N, C], got "
                f"{pair.x} and {pair.t}",
                blame="input" if pair.x.rank != 2 else "target",
                help=f"declare `{self.target}: int{pair.x.shape_text}`; for 0 and 1 use "
                "`multilabel_soft_margin_loss`",
            )
        pair.same_shape()

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        return call("F.multilabel_margin_loss", [value(name) for name in self.names], {})
