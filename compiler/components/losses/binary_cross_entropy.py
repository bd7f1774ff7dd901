"""Binary cross entropy over probabilities."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.record import component


@component
class BinaryCrossEntropy(PairwiseLoss):
    """The cross entropy of yes-or-no answers, for a network that ends in `sigmoid`.

        loss: binary_cross_entropy(probability, label)

    The mean of -t log x - (1 - t) log(1 - x) over all numbers, with logarithms of at least
    -100. `binary_cross_entropy_with_logits` applies the sigmoid itself, which loses no digits
    where the network is sure: prefer it.

    Arguments:
        input: probabilities
        target: 0 or 1, or a probability, for each of them

    Source: torch.nn.functional.binary_cross_entropy.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    neutral: ClassVar[float | None] = 0.0
