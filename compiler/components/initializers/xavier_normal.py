"""The Xavier initializer, normal."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._xavier import Xavier
from dlc.compiler.record import component


@component
class XavierNormal(Xavier):
    """Draws normal numbers so that signals keep their size both ways through linear or tanh units.

        init: {linear: xavier_normal}

    w ~ N(0, s²) with s = gain · √(2 / (fan_in + fan_out)).

    A unit sums fan_in products, so Var(y) = fan_in · Var(w) · Var(x) for inputs of mean 0; the
    gradient of an input sums fan_out of them. Both cannot keep their variance unless the fans
    are equal: Var(w) = 2 / (fan_in + fan_out) takes the mean. It holds where the nonlinearity is
    close to the identity, as tanh is near 0; relu drops half of the signal at every layer: there
    use `kaiming_normal`.

    `gain` may name the nonlinearity behind the weight: linear and sigmoid stand for 1, tanh 5/3,
    relu √2, leaky_relu √(2 / (1 + 0.01²)), selu 3/4, as in `torch.nn.init.calculate_gain`; for the
    others see `kaiming_normal`.

    The fans are read off the weight as it is stored, [units, inputs, *window], as torch does. A
    transposed convolution stores [inputs, units, *window]: its `fan_out` is what a unit reads.

    Arguments:
        gain: a factor on the standard deviation: a number, or the nonlinearity behind the
            weight

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward
    neural networks" (2010).
    """

    name: ClassVar[str] = "xavier_normal"
