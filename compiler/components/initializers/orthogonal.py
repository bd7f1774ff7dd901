"""The orthogonal initializer."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Orthogonal(Initializer):
    """Draws a matrix whose rows, or columns, are orthogonal.

        init: {lstm: orthogonal}

    The shorter side's vectors have length `gain` and stand at right angles, so that the
    matrix neither stretches nor shrinks; dims after the first are taken as one. The variance
    of an entry is gain^2 / max(rows, columns).

    Arguments:
        gain: the length of the vectors

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks" (2013).
    """

    name: ClassVar[str] = "orthogonal"
    least_rank: ClassVar[int] = 2

    gain: PositiveFloat = 1.0

    def torch(self, tensor: str) -> str:
        keywords = {} if self.gain == 1.0 else {"gain": literal(self.gain)}
        return call("nn.init.orthogonal_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        return self.gain**2 / max(shape[0], math.prod(shape[1:]))
