"""The logistic loss over signs."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.losses._signs import SignLoss
from dlc.compiler.record import component


@component
class SoftMarginLoss(SignLoss):
    """The logistic loss of yes-or-no answers that are 1 and -1.

        loss: soft_margin_loss(score, side)

    The mean of log(1 + exp(-t x)) over all numbers.

    Arguments:
        input: the scores
        target: 1 or -1 for each score, of the same shape

    Source: torch.nn.functional.soft_margin_loss.
    """

    name: ClassVar[str] = "soft_margin_loss"
