"""Continuous bag of words with negative sampling."""

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
class Cbow(PairObjective):
    """Pairs the neighbours of a word with it and with words drawn at random.

        data: {objective: "cbow(center=center, label=label, window=5, negatives=5)"}

    A sample is a place in a text: `context` are its neighbours, 2 * `window` at most, and 0
    where there are fewer; the first word of `center` is the word itself, whose target is 1, the
    rest is drawn by the 3/4 power of the words' frequency, with the target 0. Reaches and draws
    are new in every epoch; `batch_size` counts places. An epoch has as many as the first one
    drew. Index 0, which pads, and 1, an unknown word, are no words here.

    Arguments:
        center: the input that gets the true word, then the drawn ones
        label: the target that gets 1 for the true word, 0 for the others
        window: how far to either side a neighbour may stand; each word draws its own reach,
            from 1 to this, so that near words count for more
        negatives: how many words are drawn for each place
        subsample: the frequency above which words are left out at random, such as 1e-5; 0
            leaves none out
        context: the input that gets the neighbours; where absent, the one that texts become

    Source: Mikolov et al., "Efficient estimation of word representations in vector space"
    (2013).
    """

    name: ClassVar[str] = "cbow"
    texts_argument: ClassVar[str] = "context"
    candidates_argument: ClassVar[str] = "center"

    center: InputName
    label: TargetName
    window: Positive = 5
    negatives: Positive = 5
    subsample: NonNegative = 0.0
    context: InputName | None = keyword(None)

    def resolved(self, frame: Frame) -> Self:
        context = self.only_input(
            self.context,
            frame,
            "context",
            "words of int[N, 2 * window]",
            lambda name, type: (
                type.rank == 2
                and type.dtype.is_int
                and (self.context is not None or frame.token_step(name) is not None)
            ),
        )
        found = replace(self, context=context)
        found.check_pairs(frame)
        batch = frame.inputs[context].shape[0]
        wide = TensorType(INT, (batch, 2 * self.window))
        found.require(context, frame.inputs[context], wide, "window")
        return found
