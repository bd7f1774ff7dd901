"""Stochastic weight averaging."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Lt
from dlc.compiler.components.averages.base import Average
from dlc.compiler.components.intervals.base import Interval
from dlc.compiler.components.intervals.epochs import Epochs
from dlc.compiler.record import component


@component
class Swa(Average):
    """Takes the plain mean of the weights over the last part of training.

        train: {average: swa(start=0.75)}

    Weights enter the mean whenever `every` has passed and at the end, once more than the share
    `start` of the steps is done. The weights should still move then: a schedule that ends at a
    learning rate of 0 leaves nothing to average. From then on validations, and so early
    stopping, measure the mean; before, the weights.

    The statistics of batch norms are those of no network on the way: they are measured anew
    wherever the mean is used, by a pass over the training part in its usual batches, not
    augmented, and with dropout off, since that is how the mean will be used.

    Arguments:
        start: the share of the steps after which averaging begins
        every: the stretch between two weights that enter the mean

    Source: Izmailov et al., "Averaging weights leads to wider optima and better
    generalization" (2018).
    """

    name: ClassVar[str] = "swa"

    start: Annotated[float, Ge(0), Lt(1)] = 0.75
    every: Interval = Epochs(n=1)
