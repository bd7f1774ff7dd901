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

    After each step average = decay * average + (1 - decay) * weights.

    Arguments:
        decay: the share of the average that is kept each step

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging"
    (1992).
    """

    name: ClassVar[str] = "ema"

    decay: Annotated[float, Gt(0), Lt(1)] = 0.999
