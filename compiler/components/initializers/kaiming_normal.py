"""The Kaiming initializer, normal."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._kaiming import Kaiming
from dlc.compiler.record import component


@component
class KaimingNormal(Kaiming):
    """Draws normal numbers so that signals keep their size through relu units.

        init: {conv2d: "kaiming_normal(mode=fan_out, nonlinearity=relu)"}

    w ~ N(0, s²) with s = gain / √fan.

    A unit sums fan_in products of independent numbers, so Var(y) = fan_in · Var(w) · E[x²]. Where
    x = f(y') and y' has variance v, E[x²] = v / gain²: with Var(w) = gain² / fan_in a layer hands
    on the variance that it gets, and 30 layers neither blow a signal up nor let it die out. The
    same sum over the fan_out units that read an input holds for gradients; `fan_out` keeps
    theirs. One of the two is enough: they differ by the ratio of the fans, once, not once a layer.
    For weights behind which relu or its kin follows; for tanh and plain outputs use
    `xavier_normal`. A mean of both fans, other factors: `variance_scaling`.

    gain² is 1 / E[f(z)²] for a normal z of variance 1: what f takes from the mean square of a
    signal. relu drops half of it, so its gain is √2. linear and sigmoid have 1, tanh 5/3,
    leaky_relu √(2 / (1 + a²)), selu 3/4, as in `torch.nn.init.calculate_gain`; torch has none for
    the others, which get 1 / √E[f(z)²]: celu and elu 1.2452, gelu 1.5335, hardswish 1.7367,
    hardtanh 1.392, mish 1.4868, relu6 √2, silu 1.6765, softplus 1.0419, softsign 2.3375. A
    self-normalizing network of selu units wants `lecun_normal`.

    The fans are read off the weight as it is stored, [units, inputs, *window], as torch does. A
    transposed convolution stores [inputs, units, *window]: its `fan_out` is what a unit reads.

    Arguments:
        a: the negative slope behind the weight, where the nonlinearity is leaky_relu
        mode: which fan is taken
        nonlinearity: what follows the weight; decides the gain

    Source: He et al., "Delving deep into rectifiers" (2015).
    """

    name: ClassVar[str] = "kaiming_normal"
