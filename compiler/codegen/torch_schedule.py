"""The functions `schedule` and `plateau` of a generated module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dlc.compiler.codegen.layout import statement
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.schedules.reduce_on_plateau import ReduceOnPlateau

_BRACKETS = re.compile(r"return \(([^()]*)\)\Z")
_TORCH = "torch.optim.lr_scheduler"


def schedule_functions(
    schedule: Schedule, learning_rate: float, figures: Mapping[str, bool]
) -> Iterator[list[str]]:
    """The lines of `schedule(optimizer, total_steps, steps_per_epoch)`, and of
    `plateau(optimizer)` where the rate follows the validations. `figures` says of what a
    validation gives whether more is better."""
    if isinstance(schedule, ReduceOnPlateau):
        yield list(_before_plateau(schedule))
        yield list(_plateau(schedule, figures[schedule.monitor]))
    else:
        yield list(_by_steps(schedule, learning_rate))


def _by_steps(schedule: Schedule, learning_rate: float) -> Iterator[str]:
    yield from _signature("LambdaLR")
    yield '    """The learning rate of each step, over that of the optimizer."""'
    yield ""
    yield "    def factor(step: int) -> float:"
    for line in schedule.torch(learning_rate=learning_rate).splitlines():
        # Brackets round the whole of a result are for the product that it was made for.
        bare = _BRACKETS.sub(r"return \1", line)
        yield f"        {bare}".rstrip()
    yield ""
    yield f"    return {_TORCH}.LambdaLR(optimizer, factor)"


def _signature(result: str) -> Iterator[str]:
    yield "def schedule("
    yield "    optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int"
    yield f") -> {_TORCH}.{result}:"


def _before_plateau(schedule: ReduceOnPlateau) -> Iterator[str]:
    """Schedules that multiply the rate that is there, and so leave `plateau` its part of it."""
    if not schedule.warms_up:
        yield from _signature("ConstantLR")
        yield '    """The learning rate stays as `plateau` leaves it."""'
        yield f"    return {_TORCH}.ConstantLR(optimizer, factor=1.0, total_iters=0)"
        return
    yield from _signature("LinearLR")
    yield '    """The learning rate rises, and then stays as `plateau` leaves it."""'
    yield f"    warmup = {schedule.warmup_text}"
    yield from statement(
        f"return {_TORCH}.LinearLR(optimizer, 1.0 / warmup, total_iters=max(1, warmup - 1))", 1
    )


def _plateau(schedule: ReduceOnPlateau, higher_is_better: bool) -> Iterator[str]:
    yield "def plateau("
    yield "    optimizer: torch.optim.Optimizer,"
    yield f") -> {_TORCH}.ReduceLROnPlateau:"
    yield f'    """Steps by the figure `{schedule.monitor}` after each validation."""'
    given = schedule.plateau(higher_is_better)
    arguments = ", ".join(["optimizer", *(f"{name}={text}" for name, text in given.items())])
    yield from statement(f"return {_TORCH}.ReduceLROnPlateau({arguments})", 1)
