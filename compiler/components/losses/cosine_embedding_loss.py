"""The cosine loss of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from dlc.compiler.components.losses._embeddings import PairLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class CosineEmbeddingLoss(PairLoss):
    """The cosine loss of pairs that are alike or not.

        loss: cosine_embedding_loss(left, right, alike)

    The mean of 1 - cos(a, b) where t is 1, and of max(0, cos(a, b) - margin) where t is -1.

    Arguments:
        input1: the one vectors [N, D]
        input2: the other vectors [N, D]
        target: 1 or -1 for each pair
        margin: the cosine up to which things that are not alike cost nothing

    Source: torch.nn.functional.cosine_embedding_loss.
    """

    name: ClassVar[str] = "cosine_embedding_loss"

    margin: float = 0.0

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        inputs = self._given(value)
        keywords = {} if self.margin == 0.0 else {"margin": literal(self.margin)}
        return call("F.cosine_embedding_loss", inputs, keywords)
