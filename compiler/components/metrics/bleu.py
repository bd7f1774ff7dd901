"""BLEU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le, Natural
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.metrics._answers import AnswerMetric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Bleu(AnswerMetric):
    """BLEU of the likeliest tokens, against one reference text for each sample.

        metrics: bleu(logits, reply, end=2)

    The geometric mean of the precisions of n-grams of 1 to `n_gram` tokens, over all texts
    together, times the brevity penalty exp(1 - r / c) where the answers have fewer tokens than
    the references. N-grams are of token numbers. Where a token is a word (`word`), that is the
    BLEU of the texts as the tokenizer cuts them, what `sacrebleu --tokenize none` gives for these
    words; only that all words which the vocabulary lacks are the same. Of parts of words, bytes or
    characters it is another figure, higher mostly, and compares only between models of one
    vocabulary. The answer holds the likeliest token at each place, the tokens before it being the
    true ones, as in training: it is not the BLEU of freely generated texts.

    Arguments:
        input: the scores; the tokens are the second dim, or the last
        target: the tokens of the reference
        n_gram: the longest n-gram
        smooth: adds one to the counts of n-grams of two and more, for short texts
        end: the token that ends a text: it and all behind it do not count; where absent, all
            places count where the target is not `ignore_index`

    Source: Papineni et al., "BLEU: a method for automatic evaluation of machine translation"
    (2002); smoothing: Lin and Och (2004).
    """

    name: ClassVar[str] = "bleu"

    n_gram: Annotated[int, Ge(1), Le(16)] = 4
    smooth: bool = False
    end: Natural | None = None

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = self.pair(types)
        pair.several_classes(pair.class_dim())
        if pair.t.rank != 2:
            raise ComponentError(
                "E0401",
                f"`bleu` compares texts of tokens, [N, T], and `{self.target}` is {pair.t}",
                blame="target",
                help="for one answer a sample use `accuracy`",
            )
