"""The ranking loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses._embeddings import PairLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class MarginRankingLoss(PairLoss):
    """The ranking loss: of two scores, the one that should be higher is, by a margin.

        loss: margin_ranking_loss(first, second, order, margin=0.1)

    The mean of max(0, -t (a - b) + margin) over all numbers.

    Arguments:
        input1: the scores of the one
        input2: the scores of the other, of the same shape
        target: 1 where the first should be higher, else -1, of the same shape
        margin: by how much

    Source: torch.nn.functional.margin_ranking_loss.
    """

    name: ClassVar[str] = "margin_ranking_loss"

    margin: float = 0.0

    def check(self, types: Mapping[str, TensorType]) -> None:
        x = types[self.input1]
        for port, name in (("input2", self.input2), ("target", self.target)):
            pair = Pair(self.name, self.input1, x, name, types[name])
            pair.float_input()
            pair.numeric_target()
            pair.same_shape(port)

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        inputs = self._given(value)
        keywords = {} if self.margin == 0.0 else {"margin": literal(self.margin)}
        return call("F.margin_ranking_loss", inputs, keywords)
