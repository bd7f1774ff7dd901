"""Stochastic weight averaging."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Lt
from dlc.compiler.components.averages.base import Average
from dlc.compiler.record import component


@component
class Swa(Average):
    """Takes the plain mean of the weights over the last part of training.

        train: {average: swa(start=0.75)}

    The statistics of batch norms are then measured anew on the training part.

    Arguments:
        start: the share of the steps after which averaging begins

    Source: Izmailov et al., "Averaging weights leads to wider optima and better
    generalization" (2018).
    """

    name: ClassVar[str] = "swa"

    start: Annotated[float, Ge(0), Lt(1)] = 0.75
