"""The Dice loss of segmentations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, OutputName, TargetName
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class DiceLoss(Loss):
    """One minus the Dice overlap of what is said and what is right.

        loss: cross_entropy(logits, mask) + dice_loss(logits, mask)

    For segmentations in which most of a picture is background. For each class
    1 - (2 sum p t + smooth) / (sum p + sum t + smooth), the sums over the whole batch, then the
    mean over the classes. Class numbers go with a softmax over the classes, a target of the
    shape of the logits with a sigmoid for each; both are applied here. On a part of the data
    the sums are those over all of it.

    Arguments:
        input: the logits; the classes are the second dim, or the last
        target: the class numbers; or 0 and 1, of the shape of the logits
        smooth: what is added above and below

    Source: Milletari et al., "V-Net" (2016).
    """

    name: ClassVar[str] = "dice_loss"
    helper: ClassVar[str] = '''\
def dice(p: Tensor, target: Tensor, smooth: float) -> Tensor:
    """One minus the overlap; both are [values, classes]."""
    overlap = 2 * (p * target).sum(0) + smooth
    return 1 - (overlap / (p.sum(0) + target.sum(0) + smooth)).mean()'''

    input: OutputName
    target: TargetName
    smooth: NonNegative = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def class_dim(self, types: Mapping[str, TensorType]) -> int | None:
        """Where the classes are; None for yes-or-no answers. Raises `ComponentError`."""
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        if pair.t.dtype.is_int and pair.t.rank != pair.x.rank:
            dim = pair.class_dim()
            pair.several_classes(dim)
            return dim
        pair.float_input()
        if pair.t.dtype.value != "bool":
            pair.numeric_target()
        pair.same_shape()
        return None

    def check(self, types: Mapping[str, TensorType]) -> None:
        self.class_dim(types)

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        dim = self.class_dim(types)
        if dim is None:
            # One class for each number of the second dim, as channels are.
            flat = "movedim(1, -1).flatten(0, -2)" if types[self.input].rank > 1 else "unsqueeze(1)"
            p = f"{x}.sigmoid().{flat}"
            truth = f"{target}.to({x}.dtype).{flat}"
        else:
            classes = types[self.input].shape[dim]
            move = "" if dim == -1 else ".movedim(1, -1)"
            p = f"{x}.softmax({dim}){move}.flatten(0, -2)"
            truth = f"F.one_hot({target}.flatten(), {classes}).to({x}.dtype)"
        return call("dice", [p, truth, literal(self.smooth)], {})
