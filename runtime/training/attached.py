"""The hooks that a plan asks for."""

from __future__ import annotations

from collections.abc import Callable

from dlc.runtime.training.averages.making import average_of
from dlc.runtime.training.dropout import dropout_rates_of
from dlc.runtime.training.freezing import freezing_of
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.monitors.hook import monitors_of
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.plateau import plateau_of

#: What gives the hook of one subject, or None where the plan does not ask for it. The order
#: is that in which hooks are called.
_MAKERS: tuple[Callable[[Plan], Hook | None], ...] = (
    freezing_of,
    dropout_rates_of,
    plateau_of,
    average_of,
    monitors_of,
)


def hooks_of(plan: Plan) -> tuple[Hook, ...]:
    """The hooks of a plan, in the order in which they are called."""
    return tuple(hook for maker in _MAKERS if (hook := maker(plan)) is not None)
