"""Sequence to sequence with teacher forcing."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from dlc.compiler.components.arguments import InputName, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.objectives._tokens import required_step, tokens_input
from dlc.compiler.components.objectives.base import Frame, Objective, Types
from dlc.compiler.ir.dims import bounds, symbol
from dlc.compiler.record import component


@component
class SequenceToSequence(Objective):
    """Gives a decoder the true piece before each that it is to find.

        data:
          columns: {source: english, previous: german}
          objective: sequence_to_sequence(previous=previous, label=word)
        preprocess:
          source: wordpiece(vocabulary=10000)
          previous: wordpiece(vocabulary=10000)

    Texts are mapped to `previous`, and cut by a step that puts a piece before and after each,
    as `wordpiece` puts [CLS] and [SEP]. `previous` gets all but the last piece, so that it
    begins with [CLS]; the target gets all but the first, so that it ends with [SEP], by which
    the network learns where a text ends.

    Arguments:
        previous: the input that gets the piece before each
        label: the target that gets the pieces; where absent, the only one

    Source: Williams and Zipser, "A learning algorithm for continually running fully recurrent
    neural networks" (1989); Sutskever et al., "Sequence to sequence learning with neural
    networks" (2014).
    """

    name: ClassVar[str] = "sequence_to_sequence"

    previous: InputName
    label: TargetName | None = None

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.label,) if self.label else ()

    def resolved(self, frame: Frame) -> Self:
        label = self.only_target(self.label, frame, "label")
        previous = tokens_input(self, self.previous, frame, "previous")
        step = required_step(self, previous, frame, "previous")
        if step.around < 2 and step.file is None:
            raise ComponentError(
                "E0311",
                f"`{step.name}` marks neither where a text begins nor where it ends",
                blame="previous",
                help=f"cut the texts by `wordpiece`: `preprocess: {{{previous}: wordpiece(...)}}`",
            )
        self.require(
            label, frame.targets[label], frame.inputs[previous], "label" if self.label else None
        )
        return replace(self, label=label, previous=previous)

    def reads(self, frame: Frame) -> Types:
        # The text has a piece more than its two halves.
        type = frame.inputs[self.previous]
        low, high = bounds(type.shape[1])
        length = symbol("/tokens", low + 1, high + 1)
        return {self.previous: type.with_shape(type.shape[0], length)}
