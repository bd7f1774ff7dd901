"""A recurrent network whose gradients nothing bounds.

Backwards through T steps a gradient is multiplied T times by the recurrent weights: a factor of
1.1 a step is 14,000 after a hundred. One such step undoes a whole run. Of a plain `rnn` that is
the rule (Pascanu, Mikolov and Bengio, 2013), so that every one over ten steps or more is found
here. The cells of `lstm` and `gru` add instead of multiply, and their gates still multiply: they
are found where sequences are declared to be longer than a hundred steps, and left alone where
their length is shorter or not known. Remedy: `train.clip_grad_norm: 1.0`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.ir.dims import INFINITY, bounds

CODE = code("W0146")

#: The steps up to which a layer does without.
_FEW = {"rnn": 9, "lstm": 100, "gru": 100}


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    train, optimizer = compilation.settings.train, compilation.settings.optimizer
    if optimizer is None or optimizer.full_batch or optimizer.closure:
        return
    if train.clip_grad_norm is not None or train.clip_grad_value is not None:
        return
    for graph in compilation.program.graphs.values():
        for node in graph.nodes:
            if node.kind not in _FEW or node.span is None:
                continue
            shape = graph.values[node.inputs[0][1]].shape
            if len(shape) < 3:
                continue
            steps = bounds(shape[1])[1]
            known = steps < INFINITY
            if steps <= _FEW[node.kind] or (node.kind != "rnn" and not known):
                continue
            over = f" over up to {steps:,} steps" if known else ""
            yield Diagnostic(
                CODE,
                f"the gradients of `{node.kind}`{over} may grow without bound",
                Label(node.span),
                help="bound them: `train: {clip_grad_norm: 1.0}`",
            )
            return
