"""The contrastive loss of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.losses._embeddings import PairLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class ContrastiveLoss(PairLoss):
    """The contrastive loss of pairs that are alike or not, as siamese networks have it.

        loss: contrastive_loss(left, right, alike)

    The mean of 0.5 (t d^2 + (1 - t) max(0, margin - d)^2), d being the Euclidean distance.

    Arguments:
        input1: the one vectors [N, D]
        input2: the other vectors [N, D]
        target: 1 where both are alike, else 0
        margin: the distance from which on things that are not alike cost nothing

    Source: Hadsell et al., "Dimensionality reduction by learning an invariant mapping" (2006).
    """

    name: ClassVar[str] = "contrastive_loss"
    helper: ClassVar[str] = '''\
def contrastive(a: Tensor, b: Tensor, alike: Tensor, margin: float = 1.0) -> Tensor:
    """Squared distances of pairs that are alike, squared closeness of the others."""
    d = F.pairwise_distance(a, b)
    return 0.5 * (alike * d.square() + (1 - alike) * F.relu(margin - d).square()).mean()'''

    margin: PositiveFloat = 1.0

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        a, b, target = self._given(value)
        keywords = {} if self.margin == 1.0 else {"margin": literal(self.margin)}
        return call("contrastive", [a, b, f"{target}.to({a}.dtype)"], keywords)
