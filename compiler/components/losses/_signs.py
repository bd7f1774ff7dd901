"""What the losses share whose target is 1 or -1."""

from __future__ import annotations

from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.record import component


@component
class SignLoss(PairwiseLoss):
    """A loss between a score and a sign.

    Arguments:
        input: the scores
        target: 1 or -1 for each score, of the same shape
    """
