"""Metrics that take probabilities for logits.

A yes-or-no answer is a score above 0, which is right for logits; a probability always is, so
that every answer is yes and the recall perfect. And a softmax of probabilities orders samples
otherwise than the probabilities do. Remedy: say what the scores are, or take the logits.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.metrics._answers import AnswerMetric, ThresholdMetric
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import MOVING, PICKING, chains_of

CODE = code("W0113")

# What gives numbers from 0 to 1.
_SQUASHING = ("softmax", "sigmoid", "hardsigmoid")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    if not compilation.settings.metrics:
        return
    graph, chains = compilation.program.graph, chains_of(compilation)
    types = {name: graph.values[value] for name, value in graph.outputs}
    types |= dict(compilation.program.targets)
    for metric in compilation.settings.metrics:
        if not isinstance(metric, AnswerMetric):
            continue
        layer = chains.end(metric.input, MOVING | PICKING)
        node = layer.node if layer is not None else None
        if node is None or node.span is None or node.kind not in _SQUASHING:
            continue
        if metric.class_dim(types) is not None:
            if getattr(metric, "from_logits", False):
                yield Diagnostic(
                    CODE,
                    f"`{metric.name}` applies a softmax, and `{metric.input}` went through "
                    f"`{node.kind}`",
                    Label(node.span),
                    help=f"write `{metric.name}(..., from_logits=false)`",
                )
        elif isinstance(metric, ThresholdMetric) and metric.threshold <= 0:
            yield Diagnostic(
                CODE,
                f"`{metric.name}` answers yes above {metric.threshold:g}, and `{metric.input}` is "
                f"always above it after `{node.kind}`",
                Label(node.span),
                notes=("every answer is yes",),
                help=f"write `{metric.name}(..., threshold=0.5)`",
            )
