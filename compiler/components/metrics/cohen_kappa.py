"""Cohen's kappa."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.metrics._answers import ThresholdMetric
from dlc.compiler.components.metrics._matrix import refuse_many
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class CohenKappa(ThresholdMetric):
    """Cohen's kappa: the agreement of answers and truth beyond that of chance.

        metrics: cohen_kappa(logits, grade, weights=quadratic)

    (p_o - p_e) / (1 - p_e), p_o being the agreement seen and p_e that of independent answers
    with the same frequencies. NaN where chance agrees wholly: one class only.

    Arguments:
        weights: what a wrong answer costs: `none` always the same, `linear` the distance of the
            class numbers, `quadratic` its square, both for ordered classes

    Source: Cohen, "A coefficient of agreement for nominal scales" (1960), and "Weighted kappa"
    (1968).
    """

    name: ClassVar[str] = "cohen_kappa"

    weights: Literal["none", "linear", "quadratic"] = "none"

    def check(self, types: Mapping[str, TensorType]) -> None:
        super().check(types)
        self.one_question(types)
        refuse_many(self, types)
