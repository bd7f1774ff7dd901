"""The base of optimizers."""

from __future__ import annotations

from dataclasses import fields
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.base import Component
from dlc.compiler.components.sections.group import Group
from dlc.compiler.record import component

Role = Literal["bias", "norm"]


@component
class Optimizer(Component):
    """How gradients become steps.

    `torch_class` is its name in `torch.optim`, and `fused` says that torch has it as one
    kernel for all parameters. `usual_lr` holds the least and the greatest learning rate that
    make sense where inputs are of order 1. `closure` says that a step evaluates the loss
    itself, as often as it likes, and `full_batch` that steps compare gradients with each
    other, so that they must be of the same samples. `gradients` are those it takes: from
    dense parameters, from `embedding(sparse=true)`, or both.

    Arguments:
        lr: the learning rate
    """

    kind: ClassVar[str] = "optimizer"
    torch_class: ClassVar[str]
    fused: ClassVar[bool] = False
    usual_lr: ClassVar[tuple[float, float]]
    closure: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False
    gradients: ClassVar[frozenset[str]] = frozenset({"dense"})

    lr: PositiveFloat = 1e-3

    def torch(self) -> tuple[str, dict[str, object]]:
        """The torch class (`torch.optim.AdamW`) and its keyword arguments, parameters apart:
        `lr`, and what differs from torch's own default."""
        given: dict[str, object] = {"lr": self.lr}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name not in ("lr", *self._ours()) and value != f.default:
                given[f.name] = value
        return f"torch.optim.{self.torch_class}", given

    @property
    def learning_rate(self) -> float:
        return self.lr

    @property
    def decay(self) -> float:
        """The weight decay, 0 where there is none."""
        return float(getattr(self, "weight_decay", 0.0))

    @property
    def undecayed(self) -> tuple[Role, ...]:
        """The roles of parameters that weight decay leaves alone."""
        return ()

    @property
    def parts(self) -> tuple[Group, ...]:
        """The parameters that have settings of their own; of groups that match, the first."""
        return ()

    def _ours(self) -> tuple[str, ...]:
        """The arguments that are not torch's."""
        return ()
