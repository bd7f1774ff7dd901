"""The negative log likelihood."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.record import component


@component
class NllLoss(ClassLoss):
    """The negative log likelihood, for a network that ends in `log_softmax`.

        loss: nll_loss(log_probabilities, label)

    The mean of -x[t]. `cross_entropy` applies the log_softmax itself.

    Arguments:
        input: log probabilities; the classes are the second dim, or the last
        target: the class numbers, from 0
        weight: a factor for each class; the mean is weighted too. `balanced` are those that undo
            the imbalance of the training part, rows / (classes * rows of the class)
        ignore_index: the class number that does not count
    """

    name: ClassVar[str] = "nll_loss"
