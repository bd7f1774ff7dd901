"""The hinge loss of distances."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.losses._signs import SignLoss
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class HingeEmbeddingLoss(SignLoss):
    """The hinge loss of distances between things that are alike or not.

        loss: hinge_embedding_loss(distance, alike)

    The mean of x where t is 1, and of max(0, margin - x) where t is -1: things that are alike
    are drawn together, others pushed apart until they are `margin` from each other.

    Arguments:
        input: the distances
        target: 1 or -1 for each distance, of the same shape
        margin: how far apart is far enough

    Source: torch.nn.functional.hinge_embedding_loss.
    """

    name: ClassVar[str] = "hinge_embedding_loss"

    margin: float = 1.0

    def _keywords(self) -> dict[str, str]:
        return {} if self.margin == 1.0 else {"margin": literal(self.margin)}
