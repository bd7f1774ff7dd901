"""Texts with holes."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Probability
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component


@component
class TokenDropping(Augmentation):
    """Replaces random tokens of a text by one that says nothing.

        augment: token_dropping(0.1)

    Each token is drawn for itself; padding stays. What stands in its place is the index of
    an unknown word, 1 after the step `word`.

    Arguments:
        p: the probability to replace a token
        token: the index that takes its place
        padding: the index of padding, which is never replaced; `null` where there is none
        input: the input that is changed; where absent, the one that holds indices

    Source: Bowman et al., "Generating sentences from a continuous space" (2016), word
    dropout.
    """

    name: ClassVar[str] = "token_dropping"
    takes: ClassVar[Literal["images", "tokens", "series"]] = "tokens"

    p: Probability = 0.1
    token: Natural = keyword(1)
    padding: Natural | None = keyword(0)
