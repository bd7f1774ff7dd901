"""What the optimizers share whose settings may differ between parameters."""

from __future__ import annotations

from dlc.compiler.components.base import keyword
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.sections.group import Group
from dlc.compiler.record import component


@component
class GroupedOptimizer(Optimizer):
    """An optimizer that may treat some parameters in another way.

    Arguments:
        groups: parameters with settings of their own; of groups that match, the first counts
    """

    groups: tuple[Group, ...] = keyword(())

    @property
    def parts(self) -> tuple[Group, ...]:
        return self.groups

    def _ours(self) -> tuple[str, ...]:
        return ("groups",)
