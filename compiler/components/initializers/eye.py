"""The initializer `eye`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.record import component


@component
class Eye(Initializer):
    """Starts a matrix as the identity.

        init: {linear: eye}

    1 on the diagonal, 0 elsewhere: unit i hands on input i, as many as there are of both. With
    out ≤ in the layer begins as a selection of its inputs and adds nothing to their variance;
    units beyond the inputs begin as 0, all alike, so that a layer that widens wants `orthogonal`.
    E[w²] is min(out, in) / (out · in). For a matrix of two dims: the recurrent weights of a net
    of relu units, maps that should begin by doing nothing. For convolutions use `dirac`.

    Source: Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified
    linear units" (2015).
    """

    name: ClassVar[str] = "eye"
    least_rank: ClassVar[int] = 2
    most_rank: ClassVar[int | None] = 2
    rank_help: ClassVar[str] = "for a convolution use `dirac`, for a bias `zeros`"

    def torch(self, tensor: str) -> str:
        return f"nn.init.eye_({tensor})"

    def variance(self, shape: tuple[int, ...]) -> float | None:
        share = self.mean_square(shape)
        return None if share is None else share * (1.0 - share)

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        """The share of ones."""
        return 1.0 / max(shape) if len(shape) == 2 else None
