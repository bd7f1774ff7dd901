"""The mean of the best weights."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.averages.base import Average
from dlc.compiler.record import component


@component
class TopK(Average):
    """Takes the plain mean of the weights of the best validations.

        train: {average: top_k(3)}

    Validations, and so early stopping, measure the weights as they are; the mean of the best
    of them is what the run ends with. Checkpoints hold all weights that are in it. The
    statistics of batch norms are measured anew, as for `swa`.

    Arguments:
        count: how many validations
        monitor: the figure that says which are the best; that of `early_stopping`, or
            `val_loss`, where not given

    Source: Vaswani et al., "Attention is all you need" (2017), which averages checkpoints;
    Wortsman et al., "Model soups" (2022).
    """

    name: ClassVar[str] = "top_k"

    count: Annotated[int, Ge(2)] = 3
    monitor: str | None = None
