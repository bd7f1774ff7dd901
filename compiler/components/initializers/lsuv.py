"""The layer-sequential unit-variance initializer."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.record import component


@component
class Lsuv(Initializer):
    """Scales each layer until what it gives for the data has variance 1.

        init: {linear: lsuv, conv2d: lsuv}

    Layer-sequential unit variance: the weights start orthogonal; then, from the first layer to
    the last, a batch of the training part is sent through, and the weights of the layer are
    divided by the standard deviation of what it gives, until the variance is within `tol` of 1.
    What other initializers derive from assumptions (independent inputs of mean 0, a gain for
    each nonlinearity) is measured here, so that it holds behind any nonlinearity, pooling or
    shortcut, and for inputs of any scale. For deep networks without normalization; where a norm
    follows every layer it changes little.

    For `linear`, `bilinear` and the convolutions, whose results are linear in their weight.
    Dropout is off while measuring, batch norms take the statistics of the batch. `dlc train` does
    it before the first step, on at least 256 samples that the seed decides; the generated module
    alone starts orthogonal, since it has no data.

    Arguments:
        tol: how far from 1 the variance may stay
        max_iterations: how often a layer is scaled at most

    Source: Mishkin and Matas, "All you need is a good init" (2016).
    """

    name: ClassVar[str] = "lsuv"
    least_rank: ClassVar[int] = 2
    reads: ClassVar[Literal["", "targets", "signals"]] = "signals"
    remark: ClassVar[str] = "`dlc train` scales it to variance 1"

    tol: PositiveFloat = 0.1
    max_iterations: Positive = 10

    def torch(self, tensor: str) -> str:
        return f"nn.init.orthogonal_({tensor})"
