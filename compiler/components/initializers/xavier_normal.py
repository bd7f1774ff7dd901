"""The Xavier initializer, normal."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._xavier import Xavier
from dlc.compiler.record import component


@component
class XavierNormal(Xavier):
    """Draws normal numbers so that signals keep their size both ways through linear or tanh units.

        init: {linear: xavier_normal}

    w ~ N(0, s^2) with s = gain * sqrt(2 / (fan_in + fan_out)): the variance of activations
    and that of gradients change least from layer to layer, where the nonlinearity is close
    to the identity. Behind relu use `kaiming_normal`.

    Arguments:
        gain: a factor on the standard deviation, such as 5/3 for tanh

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward
    neural networks" (2010).
    """

    name: ClassVar[str] = "xavier_normal"
