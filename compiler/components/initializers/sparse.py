"""The sparse initializer."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, Probability
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Sparse(Initializer):
    """Draws normal numbers for a part of a matrix, and leaves the rest 0.

        init: {linear: sparse(0.9)}

    In every column ⌈sparsity · rows⌉ numbers are 0, the others N(0, std²): each input is read by
    the same number of units, whatever the width of the layer. The variance is std² times the
    share that is not 0, so that a unit, which sums fan_in products, gets fan_in · (1 - sparsity) ·
    std² · E[x²]; for a variance of 1 choose std = 1 / √(fan_in · (1 - sparsity)). For wide layers
    of saturating units, which dense weights push to their ends. The zeros are learned like the
    rest.

    Arguments:
        sparsity: the share of zeros in each column
        std: the standard deviation of the others

    Source: Martens, "Deep learning via Hessian-free optimization" (2010).
    """

    name: ClassVar[str] = "sparse"
    least_rank: ClassVar[int] = 2
    most_rank: ClassVar[int | None] = 2
    rank_help: ClassVar[str] = (
        "it is for the matrix of a `linear` layer; use `normal` or `kaiming_normal` here"
    )

    sparsity: Probability
    std: NonNegative = 0.01

    def torch(self, tensor: str) -> str:
        keywords = {"sparsity": literal(self.sparsity)}
        if self.std != 0.01:
            keywords["std"] = literal(self.std)
        return call("nn.init.sparse_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) != 2:
            return None
        rows = shape[0]
        return self.std**2 * (rows - math.ceil(self.sparsity * rows)) / rows
