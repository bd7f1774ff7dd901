"""The Kullback-Leibler divergence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.components.text import literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class KlDiv(PairwiseLoss):
    """The divergence of a distribution from that of the target, as in distillation.

        loss: kl_div(log_probabilities, teacher)

    t (log t - x) for log probabilities x, summed over everything and divided by the samples:
    the divergence as it is defined. torch's own default divides by all numbers instead.

    Arguments:
        input: log probabilities, of a network that ends in `log_softmax`
        target: probabilities of the same shape
        log_target: whether the target holds logarithms too

    Source: Kullback and Leibler, "On information and sufficiency" (1951);
    torch.nn.functional.kl_div.
    """

    name: ClassVar[str] = "kl_div"

    log_target: bool = False

    def check(self, types: Mapping[str, TensorType]) -> None:
        super().check(types)
        if not types[self.target].dtype.is_float:
            raise ComponentError(
                "E0406",
                f"`kl_div` compares distributions, and `{self.target}` is {types[self.target]}",
                blame="target",
                help="for class numbers use `nll_loss` or `cross_entropy`",
            )

    def _keywords(self) -> dict[str, str]:
        log_target = {"log_target": literal(True)} if self.log_target else {}
        return {"reduction": literal("batchmean"), **log_target}
