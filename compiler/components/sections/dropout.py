"""A rate of dropout that changes over the epochs."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive, Probability
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Dropout(Section):
    """Changes the rate of dropout from epoch to epoch.

        train:
          epochs: 20
          dropout: {start: 0.5, end: 0.1}

    The first epoch has the rate `start`, the last `end`; what the layers say of `p` is what
    evaluation and `dlc cost` read. With `match` it is for some layers, and a list gives others
    other rates.

    Arguments:
        start: the rate of the first epoch
        end: the rate of the last epoch
        shape: the way from one to the other; `linear` or `cosine`
        epochs: the epochs over which it changes; those of the run where it is not given
        match: layers by name, as whole dotted prefixes with `*` for one segment; all dropouts
            where it is not given

    Source: Morerio et al., "Curriculum dropout" (2017), for a rate that rises; Liu et al.,
    "Dropout reduces underfitting" (2023), for one that falls.
    """

    name: ClassVar[str] = "dropout"

    start: Probability
    end: Probability
    shape: Literal["linear", "cosine"] = "linear"
    epochs: Positive | None = None
    match: tuple[str, ...] = ()
