"""Penalties on weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, PositiveFloat
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component

#: The key that holds for all layers that no other key names.
DEFAULT = "default"


@component
class Regularization(Section):
    """Penalties that keep weights small; biases and norms are left alone.

        regularization:
          l1: 1e-5
          l2: {default: 1e-4, head: 0}
          max_norm: 3.0

    Adds `l1 * sum |w| + l2 / 2 * sum w^2` to the loss: with both it is the elastic net. The sum
    of squares is the square of the Frobenius norm. `orthogonal` adds `||W W^T - I||_F^2`, over
    the rows or the columns of a weight, whichever are fewer, with the kernel of a convolution
    as a row for each filter. After each step a unit's incoming weights are scaled down to
    `max_norm`. The loss that is reported has no penalties.

    One number is for all layers. Else the keys are layers by name, as in `match` of a group of
    parameters; the first that matches counts, and `default` is for all others, 0 or no bound
    where it is not given.

    With plain sgd `l2` equals the optimizer's `weight_decay` with `no_decay=[bias, norm]`; with
    adam it does not, and weight decay by `adamw` is what keeps weights small.

    Arguments:
        l1: the weight of the sum of magnitudes
        l2: the weight of half the sum of squares
        orthogonal: the weight of the squared distance from orthogonal weights
        max_norm: the greatest Euclidean norm of a unit's incoming weights

    Source: Zou and Hastie, "Regularization and variable selection via the elastic net" (2005);
    Bansal, Chen and Wang, "Can we gain more from orthogonality regularizations in training deep
    CNNs?" (2018), for `orthogonal`; Srivastava et al., "Dropout" (2014), section 5.1, for
    `max_norm`.
    """

    name: ClassVar[str] = "regularization"

    l1: NonNegative | dict[str, NonNegative] = 0.0
    l2: NonNegative | dict[str, NonNegative] = 0.0
    orthogonal: NonNegative | dict[str, NonNegative] = 0.0
    max_norm: PositiveFloat | dict[str, PositiveFloat] | None = None

    @property
    def penalties(self) -> Mapping[str, float | Mapping[str, float]]:
        """What is added to the loss, by key."""
        return {"l1": self.l1, "l2": self.l2, "orthogonal": self.orthogonal}
