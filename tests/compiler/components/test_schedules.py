"""Schedules: the generated text, the number and torch's own scheduler agree."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, cast

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
from dlc.compiler.diagnostics.suggest import did_you_mean

LR = 2.5e-3
TOTAL = 60
PER_EPOCH = 6


def make(name: str, **arguments: Any) -> Schedule:
    return cast(Schedule, registry.load("schedule", name)(**arguments))


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
    Linear(start_lr=1e-4, final_lr=1e-3),
    Cosine(start_lr=5e-3, warmup_steps=5),
    make("polynomial", power=0.9),
    make("polynomial", power=2.0, final_lr=1e-4, warmup_steps=7),
    make("exponential", gamma=0.9),
    make("exponential", gamma=0.9, staircase=False, warmup_epochs=1),
    make("natural_exp", rate=0.3),
    make("inverse_time", rate=0.5, staircase=False),
    make("inverse_sqrt", warmup_steps=12),
    make("inverse_sqrt", timescale=30, warmup_steps=4),
    make("inverse_sqrt"),
    make("multi_step", milestones=(2, 5), gamma=0.5),
    make("multi_step", milestones=(1, 3), warmup_steps=4),
    make("piecewise", milestones=(2, 5), values=(0.1, 0.01, 1e-3)),
    make("piecewise", milestones=(3,), values=(0.1, 0.01), warmup_epochs=1),
    make("cosine_restarts", cycle=2),
    make("cosine_restarts", cycle=1, cycle_mult=2, final_lr=1e-4),
    make("cosine_restarts", cycle=1, cycle_mult=3, warmup_steps=5),
    make("cyclic", max_lr=1e-2, step_size_up=5),
    make("cyclic", max_lr=1e-2, step_size_up=5, step_size_down=8, mode="triangular2"),
    make("cyclic", max_lr=1e-2, step_size_up=5, mode="exp_range", gamma=0.9, warmup_steps=3),
    make("sequential", schedules=(Constant(), Cosine()), milestones=(3,)),
    make(
        "sequential",
        schedules=(
            Linear(start_lr=1e-4, final_lr=LR),
            make("exponential", gamma=0.5),
            Cosine(start_lr=1e-3, warmup_steps=2),
        ),
        milestones=(2, 5),
    ),
    make("reduce_on_plateau", warmup_epochs=1),
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
    assert {case.name for case in CASES} == set(registry.names("schedule"))


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


def _by_epoch(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> list[float]:
    """The factors of a scheduler that is stepped at the end of each epoch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = make(optimizer)
    found = []
    for step in range(TOTAL):
        found.append(optimizer.param_groups[0]["lr"] / LR)
        optimizer.step()
        if (step + 1) % PER_EPOCH == 0:
            scheduler.step()
    return found


def test_exponential_is_torchs_exponential_lr() -> None:
    expected = _by_epoch(lambda o: lr_scheduler.ExponentialLR(o, 0.9))
    assert _factors(make("exponential", gamma=0.9)) == pytest.approx(expected)
    smooth = _torchs(lambda o: lr_scheduler.ExponentialLR(o, 0.9 ** (1 / PER_EPOCH)))
    assert _factors(make("exponential", gamma=0.9, staircase=False)) == pytest.approx(smooth)


def test_multi_step_is_torchs_multi_step_lr() -> None:
    expected = _by_epoch(lambda o: lr_scheduler.MultiStepLR(o, [2, 5], gamma=0.5))
    assert _factors(make("multi_step", milestones=(2, 5), gamma=0.5)) == pytest.approx(expected)


def test_polynomial_is_torchs_polynomial_lr() -> None:
    expected = _torchs(lambda o: lr_scheduler.PolynomialLR(o, TOTAL, power=0.9))
    assert _factors(make("polynomial", power=0.9)) == pytest.approx(expected)


@pytest.mark.parametrize("mult", [1, 2, 3])
def test_cosine_restarts_is_torchs(mult: int) -> None:
    expected = _torchs(
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, PER_EPOCH, mult, eta_min=1e-4)
    )
    ours = make("cosine_restarts", cycle=1, cycle_mult=mult, final_lr=1e-4)
    assert _factors(ours) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("mode", "gamma", "down"),
    [("triangular", 1.0, None), ("triangular2", 1.0, 8), ("exp_range", 0.9, 3)],
)
def test_cyclic_is_torchs_cyclic_lr(
    mode: Literal["triangular", "triangular2", "exp_range"], gamma: float, down: int | None
) -> None:
    expected = _torchs(
        lambda o: lr_scheduler.CyclicLR(
            o, LR, 1e-2, 5, down, mode=mode, gamma=gamma, cycle_momentum=False
        )
    )
    ours = make("cyclic", max_lr=1e-2, step_size_up=5, step_size_down=down, mode=mode, gamma=gamma)
    assert _factors(ours) == pytest.approx(expected)


def test_a_sequence_is_torchs_sequential_lr() -> None:
    def sequence(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        parts: list[lr_scheduler.LRScheduler] = [
            lr_scheduler.ConstantLR(optimizer, 1.0, 0),
            lr_scheduler.CosineAnnealingLR(optimizer, TOTAL - 3 * PER_EPOCH),
        ]
        return lr_scheduler.SequentialLR(optimizer, parts, [3 * PER_EPOCH])

    ours = make("sequential", schedules=(Constant(), Cosine()), milestones=(3,))
    assert _factors(ours) == pytest.approx(_torchs(sequence))


def test_formulas_of_what_torch_does_not_have() -> None:
    for step in range(TOTAL):
        epoch = step // PER_EPOCH
        wanted = {
            make("natural_exp", rate=0.3): math.exp(-0.3 * epoch),
            make("inverse_time", rate=0.5): 1 / (1 + 0.5 * epoch),
            make("inverse_time", rate=0.5, staircase=False): 1 / (1 + 0.5 * step / PER_EPOCH),
            make("piecewise", milestones=(2, 5), values=(0.1, 0.01, 1e-3)): (
                0.1 if epoch < 2 else 0.01 if epoch < 5 else 1e-3
            )
            / LR,
        }
        for schedule, factor in wanted.items():
            assert _factors(schedule)[step] == pytest.approx(factor)


def test_inverse_sqrt_is_the_transformers() -> None:
    found = _factors(make("inverse_sqrt", warmup_steps=12))
    # Vaswani et al. count steps from 1 and take one over the root, over its value at the peak.
    wanted = [min(s / 12, (12 / s) ** 0.5) for s in range(1, TOTAL + 1)]
    assert found[:12] == pytest.approx(wanted[:12])
    assert found[13:] == pytest.approx(wanted[12:-1])


def test_every_scheduler_of_torch_leads_to_ours_or_to_advice() -> None:
    classes = {
        name
        for name, value in vars(lr_scheduler).items()
        if isinstance(value, type) and issubclass(value, lr_scheduler.LRScheduler)
    } - {"LRScheduler", "_LRScheduler"}
    for name in classes | {"ReduceLROnPlateau"}:
        word, reason = did_you_mean(name, registry.names("schedule"), "schedule")
        assert word in registry.names("schedule") or reason, name


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
