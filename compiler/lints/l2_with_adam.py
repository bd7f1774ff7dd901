"""L2 in the gradient of an optimizer that divides by the gradient's size.

Adam divides the gradient, and with it the part that comes from L2, by the root of its running
square: weights with large gradients are decayed less than those with small ones, which is not
what L2 does to plain gradient descent (Loshchilov and Hutter, "Decoupled weight decay
regularization", 2017). Remedy: `adamw` with `weight_decay`, which stays out of the division;
`nadam` and `radam` have `decoupled_weight_decay`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._optimizer import argument_span, optimizer_call
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

CODE = code("W0110")

_DIVIDING = ("adam", "adamw", "adamax", "nadam", "radam")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    optimizer, call = compilation.settings.optimizer, optimizer_call(compilation)
    if optimizer is None or call is None or optimizer.name not in _DIVIDING:
        return
    where = _l2(compilation)
    decoupled = getattr(optimizer, "decoupled_weight_decay", optimizer.name == "adamw")
    if where is None and optimizer.decay and not decoupled:
        where = argument_span(call, "weight_decay")
    if where is None:
        return
    help = "write `adamw(weight_decay=...)`, which decays all weights by the same share"
    if optimizer.name in ("nadam", "radam"):
        help = "write `weight_decay` with `decoupled_weight_decay=true`"
    elif optimizer.name == "adamw":
        help = "write `weight_decay` of `adamw` in place of `l2`"
    yield Diagnostic(
        CODE,
        f"`{optimizer.name}` divides L2 by the size of the gradient: weights with large "
        "gradients are hardly held back",
        Label(where),
        help=help,
    )


def _l2(compilation: Compilation) -> Span | None:
    """Where the penalty is written, if there is one."""
    section = compilation.settings.regularization
    value = section.l2 if section is not None else 0.0
    strengths = value.values() if isinstance(value, Mapping) else (value,)
    if not any(strengths):
        return None
    settings = compilation.spec.settings
    written = next(e.value for e in settings if e.key.text == "regularization")
    assert isinstance(written, tree.Mapping)
    return next(e.value.span for e in written.entries if e.key.text == "l2")
