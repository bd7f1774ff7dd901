"""The triplet loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, PositiveFloat
from dlc.compiler.components.losses._embeddings import EmbeddingLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class TripletMarginLoss(EmbeddingLoss):
    """The triplet loss: an anchor shall be nearer to a positive than to a negative, by a margin.

        loss: triplet_margin_loss(anchor, same, other, margin=0.2)

    The mean of max(0, d(a, p) - d(a, n) + margin) over the samples, d being the p-norm of the
    difference plus eps. The three are outputs [N, D], mostly one block applied to three inputs.

    Arguments:
        anchor: the vectors that are compared with
        positive: vectors of the same class as the anchor
        negative: vectors of another class
        margin: how much nearer the positive shall be
        p: the norm
        eps: what keeps the gradient finite at distance 0
        swap: take the distance from positive to negative where that is the smaller

    Source: Schroff et al., "FaceNet" (2015); torch.nn.functional.triplet_margin_loss.
    """

    name: ClassVar[str] = "triplet_margin_loss"
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"

    anchor: OutputName
    positive: OutputName
    negative: OutputName
    margin: PositiveFloat = 1.0
    p: PositiveFloat = 2.0
    eps: PositiveFloat = 1e-6
    swap: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (
            self.anchor,
            self.positive,
            self.negative,
        )

    def check(self, types: Mapping[str, TensorType]) -> None:
        self._vectors(types, "anchor", "positive", "negative")

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        defaults = {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False}
        given = {name: getattr(self, name) for name in defaults}
        keywords = {n: literal(v) for n, v in given.items() if v != defaults[n]}
        return call("F.triplet_margin_loss", [value(name) for name in self.names], keywords)
