"""Weight decay on the scales and shifts of normalizations.

What follows a norm undoes any change of scale before it, so that to hold the scale itself near 0
regularizes nothing and slows the layer down; most recipes leave norms, and biases with them, alone
(Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.3; Jia et al., 2018). Remedy:
`no_decay=[bias, norm]`. Only decay that the spec sets is looked at, not a default.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.parameter_groups import partition, trained
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.base import arguments
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._optimizer import argument_span, optimizer_call

CODE = code("W0111")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    optimizer, call = compilation.settings.optimizer, optimizer_call(compilation)
    if optimizer is None or call is None or not optimizer.decay:
        return
    known = arguments(type(optimizer))
    if "no_decay" not in known or optimizer.decay == known["weight_decay"].default:
        return
    norms = {one.path for one in trained(compilation.program) if one.parameter.role == "norm"}
    decayed = [
        path
        for part in partition(trained(compilation.program), optimizer)
        if part.options.get("weight_decay", optimizer.decay)
        for path in part.paths
        if path in norms
    ]
    if not decayed:
        return
    more = f" and {len(decayed) - 1} more" if len(decayed) > 1 else ""
    yield Diagnostic(
        CODE,
        f"weight decay draws `{decayed[0]}`{more} to 0, a scale or shift of a norm",
        Label(argument_span(call, "weight_decay")),
        help="write `no_decay=[bias, norm]`",
    )
