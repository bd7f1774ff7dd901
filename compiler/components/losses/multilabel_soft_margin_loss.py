"""Cross entropy of several labels."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.record import component


@component
class MultilabelSoftMarginLoss(PairwiseLoss):
    """The cross entropy of several labels, any number of which may be right.

        loss: multilabel_soft_margin_loss(logits, tags)

    The mean over classes, then over samples, of -t log s(x) - (1 - t) log(1 - s(x)), s being
    the sigmoid, which the loss applies itself. It is `binary_cross_entropy_with_logits` for
    [N, C].

    Arguments:
        input: the logits [N, C]
        target: 0 or 1 for each class, of the same shape

    Source: torch.nn.functional.multilabel_soft_margin_loss.
    """

    name: ClassVar[str] = "multilabel_soft_margin_loss"
    applies: ClassVar[Literal["", "softmax", "sigmoid"]] = "sigmoid"
