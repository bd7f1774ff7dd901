"""A learning rate that is nothing for most of the run.

Falls multiply: `step(step_size=1, gamma=0.1)` leaves a millionth of the rate after six epochs,
and no step after that changes a float32 weight, of which 2^-24 is the last digit. What remains
of the run costs time alone. Remedy: slower or fewer falls, a shorter run, or a schedule over the
whole of it, such as `cosine`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import section
from dlc.compiler.lints._training import epochs_of

CODE = code("W0143")

_NOTHING = 1e-6
# A spec does not tell how many steps an epoch has; what is asked for does not depend on it.
_STEPS_PER_EPOCH = 4
# The schedules whose rate depends on the epochs that have passed, not on the share of the run.
_FALLING = frozenset({"exponential", "natural_exp", "step", "multi_step", "piecewise"})
_SAMPLES = 500


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    settings, entry = compilation.settings, section(compilation, "schedule")
    schedule, optimizer, epochs = settings.schedule, settings.optimizer, epochs_of(settings)
    if schedule is None or optimizer is None or entry is None or epochs is None:
        return
    if schedule.name not in _FALLING:
        return
    sampled = range(0, epochs, max(1, epochs // _SAMPLES))
    rates = [
        schedule.factor_at(
            epoch * _STEPS_PER_EPOCH,
            total_steps=epochs * _STEPS_PER_EPOCH,
            steps_per_epoch=_STEPS_PER_EPOCH,
            learning_rate=optimizer.learning_rate,
        )
        for epoch in sampled
    ]
    peak = max(rates)
    last = max(e for e, rate in zip(sampled, rates, strict=True) if rate >= _NOTHING * peak) + 1
    if last < epochs / 2:
        yield Diagnostic(
            CODE,
            f"after {last} of {epochs:,} epochs the learning rate is less than a millionth of "
            "what it was",
            Label(entry.value.span),
            help="let it fall more slowly, or use `cosine`, which falls over the whole run",
        )
