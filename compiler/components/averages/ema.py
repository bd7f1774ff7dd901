"""An exponential moving average."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Lt
from dlc.compiler.components.averages.base import Average
from dlc.compiler.record import component


@component
class Ema(Average):
    """Keeps an exponential moving average of the weights.

        train: {average: ema(0.999)}

    After step t, counted from 0, average = d * average + (1 - d) * weights, where
    d = min(decay, (1 + t) / (10 + t)): the initial weights, which know nothing, are forgotten
    within some steps instead of 1 / (1 - decay). With `warmup: false` d is `decay` from the
    first step on, as in PyTorch's `AveragedModel`. The statistics of batch norms are averaged
    in the same way; counts are copied.

    Validations, and so early stopping, measure the average.

    Arguments:
        decay: the share of the average that is kept each step
        warmup: whether less is kept in the first steps

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging"
    (1992); the warm-up is that of TensorFlow's `ExponentialMovingAverage`.
    """

    name: ClassVar[str] = "ema"

    decay: Annotated[float, Gt(0), Lt(1)] = 0.999
    warmup: bool = True

    def decay_at(self, step: int) -> float:
        """The share that is kept after step number `step`, counted from 0."""
        return min(self.decay, (1 + step) / (10 + step)) if self.warmup else self.decay
