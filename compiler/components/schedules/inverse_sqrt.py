"""A learning rate that falls as one over the root of time."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.schedules._warmup import WarmupSchedule, after
from dlc.compiler.record import component

_TIMESCALE = 10_000


@component
class InverseSqrt(WarmupSchedule):
    """Lets the learning rate fall as one over the root of the steps.

        schedule: inverse_sqrt(warmup_steps=4000)

    The factor is sqrt(timescale / (timescale + s)), where s counts the steps after the
    warm-up. With a warm-up as long as `timescale`, the default, this is the Transformer's rate.

    Arguments:
        timescale: the steps over which the rate falls to 0.707; those of the warm-up where it
            is not given, and 10,000 where there is none
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs

    Source: Vaswani et al., "Attention is all you need" (2017), section 5.3.
    """

    name: ClassVar[str] = "inverse_sqrt"

    timescale: Positive | None = None

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        scale = "warmup" if warms_up and self.timescale is None else ""
        scale = scale or str(self.timescale or _TIMESCALE)
        return [
            f"timescale = {scale}",
            f"return (timescale / (timescale + {after(warms_up)})) ** 0.5",
        ]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        warmup = self.warmup_steps or self.warmup_epochs * steps_per_epoch
        timescale = self.timescale or warmup or _TIMESCALE
        return float((timescale / (timescale + step)) ** 0.5)
