"""The base of optimizers."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Optimizer(Component):
    """How gradients become steps."""

    kind: ClassVar[str] = "optimizer"

    def torch(self) -> tuple[str, dict[str, object]]:
        """The torch class (`torch.optim.AdamW`) and its keyword arguments, parameters apart."""
        raise NotImplementedError(self.name)

    @property
    def learning_rate(self) -> float:
        raise NotImplementedError(self.name)

    @property
    def undecayed(self) -> tuple[Literal["bias", "norm"], ...]:
        """The roles of parameters that weight decay leaves alone."""
        return ()
