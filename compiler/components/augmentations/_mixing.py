"""What the augmentations that mix samples share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, PositiveFloat
from dlc.compiler.components.augmentations.base import Augmentation, Types, input_of
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Mixing(Augmentation):
    """An augmentation that mixes a sample with the one before it in the epoch's order.

    Arguments:
        alpha: the parameter of the Beta distribution of the shares; 1 makes all equally
            likely, less keeps most samples near one of the two
        p: the probability to mix a sample
    """

    mixes: ClassVar[bool] = True

    alpha: PositiveFloat = 1.0
    p: Fraction = 1.0

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        changed = input_of(self, inputs)
        for name, type in inputs.items():
            if name != changed:
                raise ComponentError(
                    "E0311",
                    f"`{self.name}` would mix `{changed}`, and leave `{name}` ({type}) as it is",
                    help="samples are mixed where their only input is the picture",
                )
        for name, type in targets.items():
            if not type.dtype.is_float:
                soft_classes(self.name, name, targets, outputs, losses)


def soft_classes(
    what: str, target: str, targets: Types, outputs: Types, losses: Sequence[Loss]
) -> int:
    """How many classes a target of class numbers has, which becomes a probability for each.
    Raises `ComponentError` where its loss takes class numbers only."""
    type = targets[target]
    readers = [loss for loss in losses if target in loss.names]
    for loss in readers:
        if isinstance(loss, CrossEntropy) and type.rank == 1:
            x: TensorType = outputs[loss.input]
            pair = Pair(loss.name, loss.input, x, loss.target, type)
            classes = x.shape[pair.class_dim()]
            if isinstance(classes, int) and loss.ignore_index < 0 and len(readers) == 1:
                return classes
    raise ComponentError(
        "E0311",
        f"`{what}` mixes targets, and the classes of `{target}` ({type}) cannot be mixed",
        help="a target of `int[N]` is mixed for one `cross_entropy` without `ignore_index`; "
        "a float target for any loss",
    )
