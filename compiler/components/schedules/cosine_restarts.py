"""A learning rate that falls along a cosine again and again."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, Positive
from dlc.compiler.components.schedules._warmup import WarmupSchedule, after
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class CosineRestarts(WarmupSchedule):
    """Lets the learning rate fall along half a cosine, and starts over.

        schedule: cosine_restarts(cycle=10, cycle_mult=2)

    Each cycle begins at the optimizer's learning rate and ends at `final_lr`; a cycle is
    `cycle_mult` times as long as the one before it. torch's CosineAnnealingWarmRestarts with
    T_0 = cycle, T_mult = cycle_mult and eta_min = final_lr, stepped each step by its share of
    an epoch, gives the same.

    Arguments:
        cycle: the epochs of the first cycle
        cycle_mult: how many times as long the next cycle is
        final_lr: the learning rate at the end of a cycle
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs

    Source: Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts"
    (2016).
    """

    name: ClassVar[str] = "cosine_restarts"

    cycle: Positive
    cycle_mult: Positive = 1
    final_lr: NonNegative = 0.0

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        lines = [f"cycle = {self.cycle} * steps_per_epoch"]
        if self.cycle_mult == 1:
            lines.append(f"place = {after(warms_up)} % cycle")
        else:
            lines += [
                f"place = {after(warms_up)}",
                "for _ in range(place.bit_length()):",
                "    if place >= cycle:",
                f"        place, cycle = place - cycle, {self.cycle_mult} * cycle",
            ]
        curve = "0.5 * (1.0 + math.cos(math.pi * place / cycle))"
        if self.final_lr == 0.0:
            return [*lines, f"return {curve}"]
        final = f"{literal(self.final_lr)} / {literal(learning_rate)}"
        return [*lines, f"final = {final}", f"return final + (1.0 - final) * {curve}"]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        place, cycle = step, self.cycle * steps_per_epoch
        if self.cycle_mult == 1:
            place %= cycle
        while place >= cycle:
            place, cycle = place - cycle, self.cycle_mult * cycle
        final = self.final_lr / learning_rate
        return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * place / cycle))
