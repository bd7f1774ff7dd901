"""The LeCun initializer, uniform."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._fan import fans
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class LecunUniform(Initializer):
    """Draws uniform numbers of variance 1 / fan_in.

        init: {linear: lecun_uniform}

    w ~ U(-b, b) with b = √(3 / fan_in). In the generated module this is
    `nn.init.kaiming_uniform_` with the gain of a linear layer, which is the same.

    A unit sums fan_in products, so Var(y) = fan_in · Var(w) · E[x²] = E[x²]: a signal of mean
    square 1 stays one. For units that keep the mean square themselves: selu, whose fixed point
    is mean 0 and variance 1, and inputs that are standardized. relu halves the mean square:
    there use `kaiming_uniform`.

    The fan is read off the weight as it is stored, [units, inputs, *window], as torch does. A
    transposed convolution stores [inputs, units, *window]: for it use
    `variance_scaling(mode=fan_out, distribution=uniform)`.

    Source: LeCun et al., "Efficient BackProp" (1998).
    """

    name: ClassVar[str] = "lecun_uniform"
    least_rank: ClassVar[int] = 2

    def torch(self, tensor: str) -> str:
        return call("nn.init.kaiming_uniform_", [tensor], {"nonlinearity": literal("linear")})

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return 1.0 / fans(shape)[0] if len(shape) >= 2 else None
