"""Skip-gram with negative sampling."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, InputName, Positive, TargetName
from dlc.compiler.components.objectives.base import Objective
from dlc.compiler.record import component


@component
class SkipGram(Objective):
    """Pairs each word with a neighbour and with words drawn at random.

        data: {objective: "skip_gram(context=context, label=label, window=5, negatives=5)"}

    The first word of `context` is a true neighbour, whose target is 1; the others are drawn
    by the 3/4 power of their frequency, with the target 0.

    Arguments:
        context: the input that gets the true word, then the drawn ones
        label: the target that gets 1 for the true word, 0 for the others
        window: how far to either side a neighbour may stand
        negatives: how many words are drawn for each pair
        subsample: the frequency above which words are left out at random; 0 leaves none out

    Source: Mikolov et al., "Distributed representations of words and phrases and their
    compositionality" (2013).
    """

    name: ClassVar[str] = "skip_gram"

    context: InputName
    label: TargetName
    window: Positive = 5
    negatives: Positive = 5
    subsample: Fraction = 0.0

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.context, self.label)
