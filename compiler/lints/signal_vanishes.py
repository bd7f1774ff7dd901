"""A network in which signals or gradients start at next to nothing.

A linear layer multiplies the mean square of its inputs by fan_in · E[w²], an activation by what
it does to a normal number. PyTorch's own start has E[w²] = 1 / (3 · fan_in): behind `relu` a
layer keeps a sixth, ten layers 2e-8. Backwards it is the same with the fan out. Biases hide it:
they keep numbers alive that no longer depend on the input. Saturating stacks are W0116's.
Remedy: a start that fits the activation (`kaiming_normal` for `relu`), norm layers, or residuals.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.lints._signal import found

CODE = code("W0180")

# As many as W0116 looks at, which tells of them more exactly.
_STACK = 5
_SATURATING = frozenset({"tanh", "sigmoid", "hardtanh", "hardsigmoid", "softsign"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    kinds = [node.kind for _, _, node in compilation.program.walk()]
    if sum(kind in _SATURATING for kind in kinds) >= _STACK:
        return
    yield from found(
        compilation,
        CODE,
        "vanishes",
        "start with `kaiming_normal` (`init: {KIND: kaiming_normal}`), put norm layers between, "
        "or add each block's input to its result",
    )
