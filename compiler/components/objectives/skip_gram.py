"""Skip-gram with negative sampling."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from dlc.compiler.components.arguments import InputName, NonNegative, Positive, TargetName
from dlc.compiler.components.base import keyword
from dlc.compiler.components.objectives._tokens import PairObjective
from dlc.compiler.components.objectives.base import Frame
from dlc.compiler.ir.types import INT, TensorType
from dlc.compiler.record import component


@component
class SkipGram(PairObjective):
    """Pairs each word with a neighbour and with words drawn at random.

        data: {objective: "skip_gram(context=context, label=label, window=5, negatives=5)"}

    A sample is a pair of neighbours in a text: `center` is the one, the first word of
    `context` the other, whose target is 1; the rest of `context` is drawn by the 3/4 power of
    the words' frequency, with the target 0. Pairs and draws are new in every epoch; `batch_size`
    counts pairs. An epoch has as many pairs as the first one drew. Index 0, which pads, and 1,
    an unknown word, are no words here.

    Arguments:
        context: the input that gets the true word, then the drawn ones
        label: the target that gets 1 for the true word, 0 for the others
        window: how far to either side a neighbour may stand; each word draws its own reach,
            from 1 to this, so that near words count for more
        negatives: how many words are drawn for each pair
        subsample: the frequency above which words are left out at random, such as 1e-5; 0
            leaves none out
        center: the input that gets the word itself; where absent, the one that texts become

    Source: Mikolov et al., "Distributed representations of words and phrases and their
    compositionality" (2013).
    """

    name: ClassVar[str] = "skip_gram"
    texts_argument: ClassVar[str] = "center"
    candidates_argument: ClassVar[str] = "context"

    context: InputName
    label: TargetName
    window: Positive = 5
    negatives: Positive = 5
    subsample: NonNegative = 0.0
    center: InputName | None = keyword(None)

    def resolved(self, frame: Frame) -> Self:
        center = self.only_input(
            self.center,
            frame,
            "center",
            "words of int[N]",
            lambda name, type: type.rank == 1 and type.dtype.is_int,
        )
        found = replace(self, center=center)
        found.check_pairs(frame)
        batch = frame.inputs[center].shape[0]
        found.require(center, frame.inputs[center], TensorType(INT, (batch,)), "center")
        return found
