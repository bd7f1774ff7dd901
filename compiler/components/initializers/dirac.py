"""The initializer `dirac`."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Dirac(Initializer):
    """Starts a convolution as the identity.

        init: {conv2d: dirac}

    Filter i is 1 at the middle of its window for channel i, 0 elsewhere: with `padding=same` the
    layer begins by handing on its channels, as many as there are filters. Filters beyond the
    channels begin as 0, all alike. In a convolution of g groups write `dirac(groups=g)`: then
    filter i of a group takes channel i of that group. For convolutions that should begin by
    doing nothing, in very deep nets without shortcuts; for a matrix use `eye`.

    Arguments:
        groups: as many as the convolution has; divides its filters

    Source: torch.nn.init.dirac_; Zagoruyko and Komodakis, "DiracNets" (2017).
    """

    name: ClassVar[str] = "dirac"
    least_rank: ClassVar[int] = 3
    most_rank: ClassVar[int | None] = 5
    rank_help: ClassVar[str] = "for a `linear` layer use `eye`, for a bias `zeros`"

    groups: Positive = 1

    def check(self, shape: tuple[int, ...]) -> None:
        super().check(shape)
        if shape[0] % self.groups:
            raise ComponentError(
                "E0404",
                f"`groups` of `dirac` must divide the {shape[0]} filters, got {self.groups}",
                help="write as many groups as the convolution has",
            )

    def torch(self, tensor: str) -> str:
        keywords = {} if self.groups == 1 else {"groups": literal(self.groups)}
        return call("nn.init.dirac_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        share = self.mean_square(shape)
        return None if share is None else share * (1.0 - share)

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        """The share of ones."""
        if not 3 <= len(shape) <= 5:
            return None
        ones = self.groups * min(shape[0] // self.groups, shape[1])
        return ones / math.prod(shape)
