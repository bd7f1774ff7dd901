"""What the optimizers with weight decay share."""

from __future__ import annotations

from dlc.compiler.components.base import keyword
from dlc.compiler.components.optimizers._groups import GroupedOptimizer
from dlc.compiler.components.optimizers.base import Role
from dlc.compiler.record import component


@component
class DecayingOptimizer(GroupedOptimizer):
    """An optimizer with weight decay.

    Arguments:
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
    """

    no_decay: tuple[Role, ...] = keyword(())

    @property
    def undecayed(self) -> tuple[Role, ...]:
        return self.no_decay

    def _ours(self) -> tuple[str, ...]:
        return (*super()._ours(), "no_decay")
