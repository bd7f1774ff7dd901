"""A learning rate far from what the optimizer usually takes.

Rates are not comparable between optimizers: a step of `adam` has the size of `lr` whatever the
gradient's, one of `sgd` has it times the gradient. A rate that was carried over from another
optimizer, or one with a wrong exponent, is off by a factor of a hundred and more, and the run
diverges or stands still. The bounds are wide: what lies within may be wrong too.
`dlc lr-range` finds one by trying. Remedy: a rate within the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.optimizers.muon import Muon
from dlc.compiler.components.schedules.one_cycle import OneCycle
from dlc.compiler.components.text import literal
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._optimizer import argument_span, optimizer_call
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

CODE = code("W0114")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    optimizer, call = compilation.settings.optimizer, optimizer_call(compilation)
    if optimizer is None or call is None:
        return
    schedule = compilation.settings.schedule
    if isinstance(schedule, OneCycle):
        # Its peak takes the place of the optimizer's own rate.
        written = next(e.value for e in compilation.spec.settings if e.key.text == "schedule")
        if isinstance(written, tree.Call):
            place = argument_span(written, "max_lr")
            yield from _judged(optimizer, schedule.max_lr, "max_lr", place)
        return
    yield from _judged(optimizer, optimizer.learning_rate, "lr", argument_span(call, "lr"))
    if isinstance(optimizer, Muon):
        others = next(a.value for a in call.arguments if a.name and a.name.text == "others")
        if isinstance(others, tree.Call):
            rate = optimizer.others.learning_rate
            yield from _judged(optimizer.others, rate, "lr", argument_span(others, "lr"))


def _judged(optimizer: Optimizer, rate: float, name: str, place: Span) -> Iterator[Diagnostic]:
    low, high = optimizer.usual_lr
    if low <= rate <= high:
        return
    yield Diagnostic(
        CODE,
        f"`{name}` of {_short(rate)} is {'larger' if rate > high else 'smaller'} than "
        f"`{optimizer.name}` usually takes",
        Label(place, f"usual are {_short(low)} to {_short(high)}"),
        help="`dlc lr-range` finds one by trying",
    )


def _short(rate: float) -> str:
    return literal(int(rate) if float(rate).is_integer() else rate)
