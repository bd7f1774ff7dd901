"""The base of objectives."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Objective(Component):
    """Where targets come from when the data has none: they are made from the inputs."""

    kind: ClassVar[str] = "objective"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "targets are not made from inputs yet: store them in a column of the data"
    )

    @property
    def fills(self) -> tuple[str, ...]:
        """The inputs and targets that the objective fills."""
        raise NotImplementedError(self.name)
