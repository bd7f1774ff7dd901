"""Classes that exclude each other with independent yeses and noes, or the reverse.

`cross_entropy` shares one probability among classes, `binary_cross_entropy_with_logits` gives
each its own. A sigmoid behind the former makes probabilities that the loss never saw, a softmax
or a single label behind the latter lets one class answer for labels that may all hold. Remedy:
the step that is the loss's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place

CODE = code("W0118")

_EXCLUSIVE = ("cross_entropy", "nll_loss", "focal_loss", "multi_margin_loss")
_INDEPENDENT = ("binary_cross_entropy_with_logits", "sigmoid_focal_loss", "binary_cross_entropy")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    graph = compilation.program.graph
    outputs = dict(graph.outputs)
    for term in compilation.settings.loss:
        name = term.loss.names[0]
        steps = {step.name for step in compilation.settings.postprocess.get(name, ())}
        span = place(compilation, "postprocess", name)
        if name not in outputs or span is None:
            continue
        shape = graph.values[outputs[name]].shape
        several = len(shape) > 1 and shape[-1] != 1
        if term.loss.name in _EXCLUSIVE and "sigmoid" in steps:
            yield Diagnostic(
                CODE,
                f"`{term.loss.name}` shares one probability among the classes of `{name}`, and "
                "`sigmoid` gives each its own",
                Label(span),
                help="write `softmax`, or train with `binary_cross_entropy_with_logits`",
            )
        wrong = sorted(steps & {"softmax", "labels"})
        if term.loss.name in _INDEPENDENT and several and wrong:
            yield Diagnostic(
                CODE,
                f"`{term.loss.name}` lets several labels of `{name}` hold at once, and "
                f"`{wrong[0]}` picks one",
                Label(span),
                help="write `sigmoid`, or train with `cross_entropy`",
            )
