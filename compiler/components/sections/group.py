"""Parameters with optimizer settings of their own."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import NonNegative, PositiveFloat, Probability
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component

#: The keys that say what is meant; the others say what holds for it.
CONDITIONS = ("match", "kind", "role")


@component
class Group(Section):
    """Parameters with optimizer settings of their own, by name, by kind of layer or by role.

        optimizer:
          adamw:
            lr: 1e-3
            weight_decay: 0.05
            no_decay: [bias, norm]
            groups:
              - {match: backbone, lr: 1e-4}
              - {match: "blocks.*.attn", kind: linear, weight_decay: 0.1}
              - {kind: embedding, weight_decay: 0}

    A parameter is in a group that meets all of its conditions; of several groups, in the
    first. `match` names layers, or parameters, as `rename` does: whole dotted prefixes, `*`
    for one segment. What a group does not set is as for all parameters. A schedule moves all
    learning rates by the same factor. What `no_decay` names is not decayed in a group either.

    Arguments:
        match: layers or parameters by name
        kind: kinds of layers, such as `embedding`
        role: what a parameter is for; `weight`, `bias`, or `norm` for the scales and shifts of
            normalizations
        lr: the learning rate
        weight_decay: the weight decay
        momentum: the momentum
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
    """

    name: ClassVar[str] = "group"

    match: tuple[str, ...] = ()
    kind_: tuple[str, ...] = ()
    role: tuple[Literal["weight", "bias", "norm"], ...] = ()
    lr: PositiveFloat | None = None
    weight_decay: NonNegative | None = None
    momentum: NonNegative | None = None
    betas: tuple[Probability, Probability] | None = None
    eps: PositiveFloat | None = None

    @property
    def settings(self) -> dict[str, object]:
        """What the group sets."""
        names = ("lr", "weight_decay", "momentum", "betas", "eps")
        return {n: v for n in names if (v := getattr(self, n)) is not None}

    def validate(self) -> None:
        if not (self.match or self.kind_ or self.role):
            raise ComponentError(
                "E0303",
                "the group names no parameters",
                help="add `match`, `kind` or `role`: `{match: backbone, lr: 1e-4}`",
            )
        if not self.settings:
            raise ComponentError(
                "E0303",
                "the group sets nothing",
                help="say what differs, such as `lr` or `weight_decay`",
            )
