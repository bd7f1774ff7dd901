"""Next-token prediction."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import TargetName
from dlc.compiler.components.objectives.base import Objective
from dlc.compiler.record import component


@component
class NextToken(Objective):
    """Makes each token the target of the one before it.

        data: {objective: next_token}

    The last token of a text has the target -100.

    Arguments:
        label: the target that gets the next tokens; where absent, the only one

    Source: Bengio et al., "A neural probabilistic language model" (2003).
    """

    name: ClassVar[str] = "next_token"

    label: TargetName | None = None

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.label,) if self.label else ()
