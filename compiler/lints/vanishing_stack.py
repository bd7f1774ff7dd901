"""Layers before which so many saturating activations lie that no gradient reaches them.

A layer hands on to the one before it a gradient of mean square fan_out · E[w²] · E[f'(z)²]
times its own. The slope of the sigmoid is 1/4 at most, so that its factor is below 1/16
wherever weights keep the size of signals; tanh loses less in each layer, and in many of them as
much (Glorot and Bengio, 2010). The figure is computed from the graph as it starts. Remedy:
`relu` with `kaiming_normal`, norm layers, or a residual path round each block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label

CODE = code("W0116")

# Root mean squares: a layer that learns a hundred thousand times slower does not learn.
_LEAST = 1e-5
# Fewer lose too little, however they start: the figure need not be computed.
_FEWEST = 5
_SATURATING = frozenset({"tanh", "sigmoid", "hardtanh", "hardsigmoid", "softsign"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    kinds = [node.kind for _, _, node in compilation.program.walk()]
    if sum(kind in _SATURATING for kind in kinds) < _FEWEST:
        return
    # Imported on use: most networks have no such stack.
    from dlc.compiler.analysis.signal import signal

    found = [
        layer for layer in signal(compilation.program).layers if layer.weight_gradient is not None
    ]
    if len(found) < 2:
        return
    roots = [math.sqrt(layer.weight_gradient or 0.0) for layer in found]
    most = max(roots)
    # A head of zeros gives no layer a gradient in the first step, and one in the second.
    if roots[0] <= 0 or roots[0] >= _LEAST * most:
        return
    dead = sum(root < _LEAST * most for root in roots)
    spans = {path: node.span for path, _, node in compilation.program.walk()}
    place = spans.get(found[0].path)
    if place is None:
        return
    yield Diagnostic(
        CODE,
        f"the gradient of `{found[0].path}` starts {roots[0] / most:.0e} of the largest",
        Label(place),
        notes=(f"{dead} of {len(found)} layers hardly learn; `dlc signal` shows each",),
        help="use `relu` and `kaiming_normal`, put norm layers between, or add each block's input "
        "to its result",
    )
