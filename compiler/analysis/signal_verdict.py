"""Whether signals and gradients keep their size through a network, layer by layer.

In a deep network a factor a layer is a power of the depth: 0.41 of plain `relu` layers under
PyTorch's own start is 1e-4 after ten of them. What is a ten-thousandth of its size, or ten
thousand times it, is lost: forwards it is noise beside biases or overflows what comes behind,
backwards the layer learns a hundred thousandth as fast as another, or its first step throws the
weights away. Between, a learning rate can be found for all layers at once (Glorot and Bengio, 2010;
He et al., 2015; Schoenholz et al., "Deep information propagation", 2017).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from dlc.compiler.analysis.signal import LayerSignal, Moments, Signal
from dlc.compiler.record import record

#: Root mean squares, over that of what comes in or over the largest gradient.
LEAST, MOST = 1e-4, 1e4
LEAST_GRADIENT = 1e-5


@record
class Verdict:
    """`word` is `vanishes`, `explodes`, `sound`, `zero`, or "" where the theory stops; `factor`
    is that of `what`, the signal or the gradient, which it is about."""

    word: str
    what: str = ""
    factor: float = 1.0


def verdicts(found: Signal, inputs: Mapping[str, Moments] | None = None) -> dict[str, Verdict]:
    """By path, of every layer; `inputs` are those that the signal was followed from."""
    sizes = [math.sqrt(moments.square) for moments in (inputs or {}).values()]
    size = max(sizes, default=1.0) or 1.0
    learned = [math.sqrt(one.weight_gradient) for one in found.weighted if one.weight_gradient]
    most = max(learned, default=0.0)
    return {layer.path: _verdict(layer, size, most) for layer in found.layers}


def _verdict(layer: LayerSignal, size: float, most: float) -> Verdict:
    if layer.moments is not None:
        signal = math.sqrt(layer.moments.square) / size
        if signal == 0.0:
            return Verdict("zero", "signal", 0.0)
        if not LEAST <= signal <= MOST:
            return Verdict("vanishes" if signal < LEAST else "explodes", "signal", signal)
    if layer.gradient is not None and math.sqrt(layer.gradient) > MOST:
        return Verdict("explodes", "gradient", math.sqrt(layer.gradient))
    if layer.weight_gradient is not None and most > 0.0:
        share = math.sqrt(layer.weight_gradient) / most
        if 0.0 < share < LEAST_GRADIENT:
            return Verdict("vanishes", "gradient", share)
    return Verdict("sound" if layer.moments is not None else "")
