"""Masked language modelling."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Lt, TargetName
from dlc.compiler.components.objectives.base import Objective
from dlc.compiler.record import component


@component
class MaskedLanguageModel(Objective):
    """Hides pieces of a text, for the network to find.

        data: {objective: "masked_language_model(label=label, fraction=0.15)"}

    Of the chosen pieces 80 % become [MASK], 10 % a random piece, 10 % stay; the target is
    the piece itself there and -100 elsewhere.

    Arguments:
        label: the target that gets the hidden pieces
        fraction: the share of pieces that are chosen

    Source: Devlin et al., "BERT" (2018).
    """

    name: ClassVar[str] = "masked_language_model"

    label: TargetName
    fraction: Annotated[float, Gt(0), Lt(1)] = 0.15

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.label,)
