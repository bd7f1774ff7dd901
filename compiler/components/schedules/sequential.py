"""Schedules one after the other."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.schedules._milestones import ascending
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.record import component


@component
class Sequential(Schedule):
    """Runs schedules one after the other, each from its milestone on.

        schedule:
          sequential:
            schedules: [constant(warmup_epochs=2), cosine(final_lr=1e-5)]
            milestones: [10]

    Each schedule counts its own steps, and the whole run ends for it where the next begins; the
    last lasts to the end. It starts from the optimizer's learning rate, as in torch's
    SequentialLR, or from its `start_lr`, so that no step of the rate need be where two meet.

    Arguments:
        schedules: the schedules, in their order
        milestones: the epochs at which the next begins, one fewer than schedules
    """

    name: ClassVar[str] = "sequential"

    schedules: tuple[Schedule, ...]
    milestones: tuple[Positive, ...]

    def validate(self) -> None:
        ascending(self.milestones)
        if len(self.schedules) != len(self.milestones) + 1:
            raise ComponentError(
                "E0311",
                f"{len(self.schedules)} schedules have {len(self.schedules) - 1} places between "
                f"them, and `milestones` has {len(self.milestones)}",
                blame="milestones",
                help="name the epoch at which each schedule but the first begins",
            )
        if any(part.follows_validations for part in self.schedules):
            raise ComponentError(
                "E0311",
                "`reduce_on_plateau` goes by validations, and cannot take turns with others",
                blame="schedules",
                help="use it alone; it may warm up",
            )

    def torch(self, *, learning_rate: float) -> str:
        lines, starts = [], ["0"]
        starts += [f"{epochs} * steps_per_epoch" for epochs in self.milestones]
        names = [f"part_{number}" for number in range(1, len(self.schedules) + 1)]
        for name, part in zip(names, self.schedules, strict=True):
            lines.append(f"def {name}(step: int, total_steps: int) -> float:")
            lines += [
                f"    {line}" for line in part.torch(learning_rate=learning_rate).splitlines()
            ]
            lines.append("")
        for number, name in enumerate(names):
            start = starts[number]
            since = "step" if start == "0" else f"step - {start}"
            if number + 1 < len(names):
                end = starts[number + 1]
                length = end
                if start != "0":
                    epochs = self.milestones[number] - self.milestones[number - 1]
                    length = f"{epochs} * steps_per_epoch"
                lines += [f"if step < {end}:", f"    return {name}({since}, {length})"]
            else:
                lines.append(f"return {name}({since}, max(1, total_steps - {start}))")
        return "\n".join(lines)

    def factor_at(
        self, step: int, *, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        ends = [epochs * steps_per_epoch for epochs in self.milestones]
        number = sum(step >= end for end in ends)
        start = ends[number - 1] if number else 0
        end = ends[number] if number < len(ends) else max(start + 1, total_steps)
        return self.schedules[number].factor_at(
            step - start,
            total_steps=end - start,
            steps_per_epoch=steps_per_epoch,
            learning_rate=learning_rate,
        )
