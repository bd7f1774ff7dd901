"""Penalties on weights."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, PositiveFloat
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Regularization(Section):
    """Penalties that keep weights small; biases and norms are left alone.

        regularization: {l2: 1e-4, max_norm: 3.0}

    Adds `l1 * sum |w| + l2 / 2 * sum w^2` to the loss, and after each step scales a unit's
    incoming weights down to `max_norm`. With plain sgd, `l2` equals the optimizer's
    `weight_decay` with `no_decay=[bias, norm]`. The loss that is reported has no penalties.

    Arguments:
        l1: the weight of the sum of magnitudes
        l2: the weight of half the sum of squares
        max_norm: the greatest Euclidean norm of a unit's incoming weights

    Source: Srivastava et al., "Dropout" (2014), section 5.1, for `max_norm`.
    """

    name: ClassVar[str] = "regularization"

    l1: NonNegative = 0.0
    l2: NonNegative = 0.0
    max_norm: PositiveFloat | None = None
