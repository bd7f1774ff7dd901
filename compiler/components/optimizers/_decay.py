"""What the optimizers with weight decay share."""

from __future__ import annotations

from dataclasses import fields
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.base import keyword
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.record import component


@component
class DecayingOptimizer(Optimizer):
    """An optimizer with a learning rate and weight decay.

    Arguments:
        lr: the learning rate
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
    """

    torch_class: ClassVar[str]

    lr: PositiveFloat = 1e-3
    no_decay: tuple[Literal["bias", "norm"], ...] = keyword(())

    @property
    def learning_rate(self) -> float:
        return self.lr

    @property
    def undecayed(self) -> tuple[Literal["bias", "norm"], ...]:
        return self.no_decay

    def torch(self) -> tuple[str, dict[str, object]]:
        given: dict[str, object] = {"lr": self.lr}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name not in ("lr", "no_decay") and value != f.default:
                given[f.name] = value
        return f"torch.optim.{self.torch_class}", given
