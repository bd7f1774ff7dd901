"""Perplexity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.components.metrics._answers import AnswerMetric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Perplexity(AnswerMetric):
    """The exponential of the mean negative log-likelihood of the tokens.

        metrics: perplexity(logits, next)

    exp(-mean(log p(token))) over the tokens that count, not over batches or texts: among how
    many equally likely tokens the model seems to choose.

    Arguments:
        input: the scores; the tokens are the second dim, or the last
        target: the token that comes
        from_logits: whether the scores are logits or log-probabilities; false for probabilities

    Source: Jelinek et al., "Perplexity - a measure of the difficulty of speech recognition
    tasks" (1977).
    """

    name: ClassVar[str] = "perplexity"
    higher_is_better: ClassVar[bool] = False

    from_logits: bool = keyword(True)

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = self.pair(types)
        pair.several_classes(pair.class_dim())
