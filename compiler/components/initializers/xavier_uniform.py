"""The Xavier initializer, uniform."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._xavier import Xavier
from dlc.compiler.record import component


@component
class XavierUniform(Xavier):
    """Draws uniform numbers so that signals keep their size both ways through linear or tanh units.

        init: {linear: xavier_uniform}

    w ~ U(-b, b) with b = gain * sqrt(6 / (fan_in + fan_out)): the variance of activations
    and that of gradients change least from layer to layer, where the nonlinearity is close
    to the identity. Behind relu use `kaiming_uniform`.

    Arguments:
        gain: a factor on the standard deviation, such as 5/3 for tanh

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward
    neural networks" (2010).
    """

    name: ClassVar[str] = "xavier_uniform"
