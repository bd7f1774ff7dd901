"""Masked language modelling."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Self

from dlc.compiler.components.arguments import Gt, InputName, Lt, TargetName
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.objectives._tokens import required_step, tokens_input
from dlc.compiler.components.objectives.base import Frame, Objective
from dlc.compiler.record import component

MASK = "[MASK]"


@component
class MaskedLanguageModel(Objective):
    """Hides pieces of a text, for the network to find.

        data: {objective: "masked_language_model(label=label, fraction=0.15)"}

    Of the pieces of each text that are not special the share `fraction` is chosen, rounded,
    and one at least. Of the chosen 80 % become [MASK], 10 % a random piece, 10 % stay; the
    target is the piece itself there, and -100, or what the `ignore_index` of the loss is,
    elsewhere. Every epoch draws anew; validation always hides the same.

    Arguments:
        label: the target that gets the hidden pieces; where absent, the only one
        fraction: the share of pieces that are chosen
        input: the input that holds the pieces; where absent, the one that texts become

    Source: Devlin et al., "BERT" (2018).
    """

    name: ClassVar[str] = "masked_language_model"
    draws: ClassVar[bool] = True

    label: TargetName | None = None
    fraction: Annotated[float, Gt(0), Lt(1)] = 0.15
    input: InputName | None = keyword(None)

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.label,) if self.label else ()

    def resolved(self, frame: Frame) -> Self:
        label = self.only_target(self.label, frame, "label")
        input = tokens_input(self, self.input, frame, "input")
        step = required_step(self, input, frame, "input")
        if MASK not in step.specials and step.file is None:
            raise ComponentError(
                "E0311",
                f"`{self.name}` hides pieces behind {MASK}, and `{step.name}` has no such piece",
                help=f"cut the texts by `wordpiece`: `preprocess: {{{input}: wordpiece(...)}}`",
            )
        self.require(
            label, frame.targets[label], frame.inputs[input], "label" if self.label else None
        )
        return replace(self, label=label, input=input)
