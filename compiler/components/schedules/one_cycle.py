"""One rise and one fall of the learning rate."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Gt, Lt, PositiveFloat
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class OneCycle(Schedule):
    """Raises the learning rate to a peak, then lets it fall to almost nothing.

        schedule: one_cycle(max_lr=3e-3)

    From max_lr / div_factor up to max_lr over the first `pct_start` of the steps, then down
    to max_lr / div_factor / final_div_factor. The optimizer's own `lr` plays no part, and
    its momentum stays as it is (torch's OneCycleLR with `cycle_momentum=False`).

    Arguments:
        max_lr: the learning rate at the peak
        pct_start: the share of the steps before the peak
        anneal_strategy: the shape of the rise and the fall; `cos` or `linear`
        div_factor: the peak over the first learning rate
        final_div_factor: the first learning rate over the last

    Source: Smith and Topin, "Super-convergence" (2017).
    """

    name: ClassVar[str] = "one_cycle"

    max_lr: PositiveFloat
    pct_start: Annotated[float, Gt(0), Lt(1)] = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: Annotated[float, Ge(1)] = 25.0
    final_div_factor: PositiveFloat = 1e4

    def torch(self, *, learning_rate: float) -> str:
        lines = [
            f"peak = {literal(self.max_lr)} / {literal(learning_rate)}",
            f"first = peak / {literal(self.div_factor)}",
            f"last = first / {literal(self.final_div_factor)}",
            f"turn = max(1e-9, {literal(self.pct_start)} * total_steps - 1)",
            "if step <= turn:",
            "    start, end, share = first, peak, step / turn",
            "else:",
            "    rest = max(1e-9, total_steps - 1 - turn)",
            "    start, end, share = peak, last, min(1.0, (step - turn) / rest)",
        ]
        if self.anneal_strategy == "cos":
            lines.append("share = 0.5 - 0.5 * math.cos(math.pi * share)")
        return "\n".join([*lines, "return start + (end - start) * share"])

    def factor_at(
        self, step: int, *, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        peak = self.max_lr / learning_rate
        first = peak / self.div_factor
        last = first / self.final_div_factor
        turn = max(1e-9, self.pct_start * total_steps - 1)
        if step <= turn:
            start, end, share = first, peak, step / turn
        else:
            rest = max(1e-9, total_steps - 1 - turn)
            start, end, share = peak, last, min(1.0, (step - turn) / rest)
        if self.anneal_strategy == "cos":
            share = 0.5 - 0.5 * math.cos(math.pi * share)
        return start + (end - start) * share
