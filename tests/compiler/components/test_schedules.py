"""Schedules: the generated text, the number and torch's own scheduler agree."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Literal

import pytest
import torch
from torch.optim import lr_scheduler

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.schedules.constant import Constant
from dlc.compiler.components.schedules.cosine import Cosine
from dlc.compiler.components.schedules.linear import Linear
from dlc.compiler.components.schedules.one_cycle import OneCycle
from dlc.compiler.components.schedules.step import Step

LR = 2.5e-3
TOTAL = 60
PER_EPOCH = 6

CASES: list[Schedule] = [
    Constant(),
    Constant(warmup_steps=7),
    Step(step_size=1),
    Step(step_size=3, gamma=0.5),
    Step(step_size=2, gamma=0.5, warmup_epochs=2),
    Cosine(),
    Cosine(final_lr=1e-4, warmup_steps=7),
    Cosine(warmup_epochs=2),
    Linear(),
    Linear(final_lr=1e-5),
    Linear(warmup_steps=10),
    OneCycle(max_lr=3e-3),
    OneCycle(max_lr=3e-3, pct_start=0.5, anneal_strategy="linear", div_factor=10.0),
]


def _factors(schedule: Schedule, total: int = TOTAL) -> list[float]:
    return [
        schedule.factor_at(step, total_steps=total, steps_per_epoch=PER_EPOCH, learning_rate=LR)
        for step in range(total)
    ]


def _torchs(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = make(optimizer)
    found = []
    for _ in range(TOTAL):
        found.append(optimizer.param_groups[0]["lr"] / LR)
        optimizer.step()
        scheduler.step()
    return found


def test_every_schedule_that_runs_is_tried_here() -> None:
    running = {n for n in registry.names("schedule") if registry.load("schedule", n).available}
    assert {case.name for case in CASES} == running


@pytest.mark.parametrize("schedule", CASES, ids=repr)
@pytest.mark.parametrize("total", [1, 2, 5, TOTAL])
def test_text_and_number_agree(
    schedule: Schedule, total: int, run_source: Callable[[str], ModuleType]
) -> None:
    body = textwrap.indent(schedule.torch(learning_rate=LR), "    ")
    module = run_source(
        f"import math\n\ntotal_steps = {total}\nsteps_per_epoch = {PER_EPOCH}\n\n\n"
        f"def factor(step: int) -> float:\n{body}\n"
    )
    # A resumed run may ask beyond the end.
    for step in range(total + 2):
        expected = schedule.factor_at(
            step, total_steps=total, steps_per_epoch=PER_EPOCH, learning_rate=LR
        )
        assert module.factor(step) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_step_is_torchs_step_lr() -> None:
    expected = _torchs(lambda o: lr_scheduler.StepLR(o, 3 * PER_EPOCH, gamma=0.5))
    assert _factors(Step(step_size=3, gamma=0.5)) == pytest.approx(expected)


def test_cosine_is_torchs_cosine_annealing() -> None:
    expected = _torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, eta_min=1e-4))
    assert _factors(Cosine(final_lr=1e-4)) == pytest.approx(expected)


def test_linear_is_torchs_linear_lr() -> None:
    end = 1e-5 / LR
    expected = _torchs(
        lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=end, total_iters=TOTAL)
    )
    assert _factors(Linear(final_lr=1e-5)) == pytest.approx(expected)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_is_torchs(strategy: Literal["cos", "linear"]) -> None:
    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        return lr_scheduler.OneCycleLR(
            optimizer, 3e-3, TOTAL + 1, anneal_strategy=strategy, cycle_momentum=False
        )

    found = _factors(OneCycle(max_lr=3e-3, anneal_strategy=strategy), TOTAL + 1)
    assert found[:TOTAL] == pytest.approx(_torchs(make))


def test_warm_up_rises_from_the_first_step_to_the_full_rate() -> None:
    for schedule in (Constant(warmup_steps=10), Cosine(warmup_steps=10), Linear(warmup_steps=10)):
        rise = _factors(schedule)[:11]
        assert rise[:10] == pytest.approx([(s + 1) / 10 for s in range(10)])
        assert rise[10] == 1.0


def test_a_schedule_reaches_the_last_rate_at_the_end() -> None:
    at_end = Cosine(final_lr=1e-4).factor_at(
        TOTAL, total_steps=TOTAL, steps_per_epoch=PER_EPOCH, learning_rate=LR
    )
    assert at_end * LR == pytest.approx(1e-4)


def test_two_lengths_of_warm_up_are_refused() -> None:
    with pytest.raises(ComponentError) as caught:
        Cosine(warmup_steps=10, warmup_epochs=1).validate()
    assert (caught.value.code, caught.value.blame) == ("E0311", "warmup_epochs")
