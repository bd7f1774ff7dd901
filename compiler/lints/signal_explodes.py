"""A network in which signals or gradients start ten thousand times too large.

A layer multiplies the mean square of its inputs by fan_in · E[w²]: weights of deviation 0.3
over 256 inputs grow signals by a factor of 4.8, and six such layers by 12,000. The loss starts
where no answer is, its gradients are larger still, and the first step throws the weights away.
Residual sums without a norm do it, too: each block doubles the mean square. Remedy: a start that
fits (`kaiming_normal`), norm layers, or blocks that start at zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.lints._signal import found

CODE = code("W0181")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    yield from found(
        compilation,
        CODE,
        "explodes",
        "start with `kaiming_normal` or `xavier_normal`, which keep the size of signals, or put "
        "norm layers between",
    )
