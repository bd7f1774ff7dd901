"""The initializer that scales to the shape of the weight, as Keras and JAX have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.initializers._fan import fans
from dlc.compiler.components.initializers._variance import VARIANCE_SCALING
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class VarianceScaling(Initializer):
    """Draws numbers of variance scale / fan.

        init: {conv2d: "variance_scaling(2.0, mode=fan_avg, distribution=uniform)"}

    With s = √(scale / fan): w ~ N(0, s²) for `normal`; w ~ U(-√3 s, √3 s) for `uniform`; for
    `truncated_normal` N(0, (s / 0.8796)²) cut at two deviations, where the division gives back
    what the cut takes, as in Keras and JAX.

    The others are cases of it: scale 1 with `fan_in` is LeCun's, 2 with `fan_in` Kaiming's for
    relu, 1 with `fan_avg` Xavier's. A unit sums fan_in products, so Var(y) = fan_in · Var(w) ·
    E[x²]: with `fan_in` a layer multiplies the mean square by `scale`, with `fan_out` it does so
    to that of gradients, and `fan_avg`, the mean of both fans, is the compromise. For other
    factors, such as 1 / (2 · layers) in a deep residual network, where every block adds to the
    variance; and for an initial start as in a network written for Keras or JAX.

    The fans are read off the weight as it is stored, [units, inputs, *window], as torch does. A
    transposed convolution stores [inputs, units, *window]: its `fan_out` is what a unit reads.

    Arguments:
        scale: the variance times the fan
        mode: which fan is taken; `fan_avg` is their mean
        distribution: what is drawn from

    Source: keras.initializers.VarianceScaling; Glorot and Bengio, "Understanding the difficulty
    of training deep feedforward neural networks" (2010); He et al., "Delving deep into
    rectifiers" (2015).
    """

    name: ClassVar[str] = "variance_scaling"
    least_rank: ClassVar[int] = 2

    scale: PositiveFloat = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "normal", "uniform"] = "truncated_normal"

    def torch(self, tensor: str) -> str:
        defaults = {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"}
        keywords = {
            key: literal(getattr(self, key))
            for key, default in defaults.items()
            if getattr(self, key) != default
        }
        return call("variance_scaling_", [tensor], keywords)

    def helpers(self) -> Mapping[str, str]:
        return {"variance_scaling_": VARIANCE_SCALING}

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        return self.scale / fan
