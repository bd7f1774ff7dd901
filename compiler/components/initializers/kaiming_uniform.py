"""The Kaiming initializer, uniform."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._kaiming import Kaiming
from dlc.compiler.record import component


@component
class KaimingUniform(Kaiming):
    """Draws uniform numbers so that signals keep their size through relu units.

        init: {conv2d: "kaiming_uniform(mode=fan_out, nonlinearity=relu)"}

    w ~ U(-b, b) with b = gain * sqrt(3 / fan), where fan is the number of inputs of
    a unit (`fan_in`, keeps the size of activations) or of units that read an input
    (`fan_out`, keeps that of gradients).

    Arguments:
        a: the negative slope behind the weight, where the nonlinearity is leaky_relu
        mode: which fan is taken
        nonlinearity: what follows the weight; decides the gain

    Source: He et al., "Delving deep into rectifiers" (2015).
    """

    name: ClassVar[str] = "kaiming_uniform"
