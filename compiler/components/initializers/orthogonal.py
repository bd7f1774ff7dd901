"""The orthogonal initializer."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.initializers._fan import Nonlinearity, gain_text, gain_value
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call
from dlc.compiler.record import component


@component
class Orthogonal(Initializer):
    """Draws a matrix whose rows, or columns, are orthogonal.

        init: {lstm: orthogonal}

    The shorter side's vectors have length `gain` and stand at right angles; dims after the
    first are taken as one. The variance of an entry is gain² / max(rows, columns).

    Independent numbers keep the variance of a signal on average; an orthogonal matrix keeps the
    length of every signal, and of every gradient, and so does a product of them: a linear
    network of any depth learns as fast as a shallow one, and a recurrent net may be run over
    many steps. A square matrix keeps Var(y) = gain² · E[x²]; one that widens by k shares the same
    length among k times as many units. For recurrent weights and deep stacks of equal width.

    Arguments:
        gain: the length of the vectors: a number, or the nonlinearity behind the weight, as in
            `xavier_normal`

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks" (2013).
    """

    name: ClassVar[str] = "orthogonal"
    least_rank: ClassVar[int] = 2

    gain: PositiveFloat | Nonlinearity = 1.0

    def torch(self, tensor: str) -> str:
        keywords = {} if gain_value(self.gain) == 1.0 else {"gain": gain_text(self.gain)}
        return call("nn.init.orthogonal_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        return gain_value(self.gain) ** 2 / max(shape[0], math.prod(shape[1:]))
