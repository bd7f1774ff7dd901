"""The focal loss over classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class FocalLoss(ClassLoss):
    """The focal loss of classes: what is already right counts little.

        loss: focal_loss(logits, label, gamma=2.0)

    Of the classes exactly one is right. The mean of -w (1 - q)^gamma log q over the labels that
    count, where q is the probability given to the right class and w its weight. The loss applies
    the softmax itself.

    Arguments:
        input: the logits; the classes are the second dim, or the last
        target: the class numbers, from 0
        weight: a factor for each class; `balanced` are those that undo the imbalance of the
            training part
        ignore_index: the class number that does not count
        gamma: how much less easy answers count; 0 is plain cross entropy

    Source: Lin et al., "Focal loss for dense object detection" (2017).
    """

    name: ClassVar[str] = "focal_loss"
    applies: ClassVar[Literal["", "softmax", "sigmoid"]] = "softmax"
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "batch"
    helper: ClassVar[str] = '''\
def focal(
    x: Tensor, target: Tensor, gamma: float, weight: Tensor | None = None, ignore_index: int = -100
) -> Tensor:
    """Cross entropy over classes, answers that are right weighing little."""
    kept = {"ignore_index": ignore_index, "reduction": "none"}
    loss = F.cross_entropy(x, target, **kept)
    weighted = loss if weight is None else F.cross_entropy(x, target, weight=weight, **kept)
    total = ((1 - torch.exp(-loss)) ** gamma * weighted).sum()
    return total / (target != ignore_index).sum()'''

    gamma: Annotated[float, Ge(0)] = 2.0

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        keywords = self._keywords(x)
        pair = self.pair(types)
        if pair.x.rank > 2 and pair.class_dim() == -1:
            x, target = f"{x}.flatten(0, -2)", f"{target}.flatten()"
        return call("focal", [x, target, literal(self.gamma)], keywords)
