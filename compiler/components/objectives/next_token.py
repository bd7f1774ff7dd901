"""Next-token prediction."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Self

from dlc.compiler.components.arguments import Ge, InputName, TargetName
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.objectives._tokens import tokens_input
from dlc.compiler.components.objectives.base import Frame, Objective, Types
from dlc.compiler.ir.dims import bounds, symbol
from dlc.compiler.record import component


@component
class NextToken(Objective):
    """Makes each token the target of the one before it.

        data: {objective: "next_token(block_length=256)"}

    The last token of a text has the target -100, or what the `ignore_index` of the loss is.
    With `block_length` the texts of each part are put one after the other and cut into blocks
    of that length: no place of a batch is padding, and a token's target is never missing. What
    does not fill the last block is left out.

    Arguments:
        label: the target that gets the next tokens; where absent, the only one
        block_length: the tokens of a sample; where absent, a sample is a text
        input: the input that holds the tokens; where absent, the one that texts become

    Source: Bengio et al., "A neural probabilistic language model" (2003).
    """

    name: ClassVar[str] = "next_token"

    label: TargetName | None = None
    block_length: Annotated[int, Ge(2)] | None = None
    input: InputName | None = keyword(None)

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.label,) if self.label else ()

    @property
    def regroups(self) -> bool:
        return self.block_length is not None

    def resolved(self, frame: Frame) -> Self:
        label = self.only_target(self.label, frame, "label")
        input = tokens_input(self, self.input, frame, "input")
        type = frame.inputs[input]
        self.require(label, frame.targets[label], type, "label" if self.label else None)
        if self.block_length is not None:
            self._refuse_others(frame, input, label)
            low, high = bounds(type.shape[1])
            if not low <= self.block_length <= high:
                raise ComponentError(
                    "E0302",
                    f"`{input}` is {type}, which takes no blocks of {self.block_length:,} tokens",
                    blame="block_length",
                    help=f"give {f'a length of {low:,}' if low == high else f'at most {high:,}'}"
                    if self.block_length > high or low == high
                    else f"give at least {low:,}",
                )
        return replace(self, label=label, input=input)

    def _refuse_others(self, frame: Frame, input: str, label: str) -> None:
        """Blocks take no other columns along: a block may hold several texts."""
        step = frame.token_step(input)
        known = {input, label, *(step.fills if step is not None else ())}
        for name in (*frame.inputs, *frame.targets):
            if name not in known:
                raise ComponentError(
                    "E0311",
                    f"`{name}` is of a text, and a block may hold several texts",
                    blame="block_length",
                    help="leave `block_length` out: a sample is then a text",
                )

    def reads(self, frame: Frame) -> Types:
        if self.block_length is None or self.input is None:
            return {}
        # A text may be longer than a block.
        type = frame.inputs[self.input]
        return {self.input: type.with_shape(type.shape[0], symbol("/tokens"))}
