"""The LeCun initializer, normal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.initializers._fan import fans
from dlc.compiler.components.initializers._variance import LECUN_NORMAL
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call
from dlc.compiler.record import component


@component
class LecunNormal(Initializer):
    """Draws normal numbers, cut at two deviations, of variance 1 / fan_in.

        init: {linear: lecun_normal}

    w ~ N(0, s²) cut at -2s and 2s, with s = √(1 / fan_in) / 0.8796: the cut leaves 0.8796 of the
    deviation, and the division gives it back, as in Keras and JAX.

    A unit sums fan_in products, so Var(y) = fan_in · Var(w) · E[x²] = E[x²]: a signal of mean
    square 1 stays one. For units that keep the mean square themselves: selu, whose fixed point
    is mean 0 and variance 1, and inputs that are standardized. relu halves the mean square:
    there use `kaiming_normal`.

    The fan is read off the weight as it is stored, [units, inputs, *window], as torch does. A
    transposed convolution stores [inputs, units, *window]: for it use
    `variance_scaling(mode=fan_out)`.

    Source: LeCun et al., "Efficient BackProp" (1998); Klambauer et al., "Self-normalizing neural
    networks" (2017), for selu.
    """

    name: ClassVar[str] = "lecun_normal"
    least_rank: ClassVar[int] = 2

    def torch(self, tensor: str) -> str:
        return call("lecun_normal_", [tensor], {})

    def helpers(self) -> Mapping[str, str]:
        return {"lecun_normal_": LECUN_NORMAL}

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return 1.0 / fans(shape)[0] if len(shape) >= 2 else None
