"""Dropout of more than half of the units, or of the answers themselves.

`p` is the share that is dropped. Hinton et al. (2012) keep half of the hidden units and more of
the inputs; beyond that a layer seldom learns anything, and 0.8 is mostly the share to keep of
another library. Of an output it drops answers: the loss of a sample is then that of a 0, and
the network learns to be right in spite of it. Remedy: `p` of 0.5 at most, and none behind the
last layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dlc.compiler.analysis.flat import Layer
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Applicability, Diagnostic, Edit, Fix, Label
from dlc.compiler.lints._chains import DROPPING, MOVING, Chains, chains_of
from dlc.compiler.source import Span

CODE = code("W0125")

_MOST = 0.5
_KEPT = 0.75
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.\d*|\.\d+)(?![\w.])")
_SQUASHING = frozenset({"softmax", "log_softmax", "sigmoid", "tanh", "log_sigmoid"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    read = {name for term in compilation.settings.loss for name in term.loss.names}
    scored = {value for name, value in chains.flat.outputs.items() if name in read}
    for layer in chains.of_kinds(DROPPING):
        span, p = layer.node.span, float(getattr(layer.node.op, "p", 0.0))
        if span is None or p == 0.0:
            continue
        if _ends_in(chains, layer, scored):
            yield Diagnostic(
                CODE,
                f"`{layer.path}` drops answers: what it gives is an output that the loss reads",
                Label(span),
                help="put it before the last layer",
            )
        elif p > _MOST:
            kept = round(1.0 - p, 6)
            fix = _rewritten(span, p, kept) if p >= _KEPT else None
            yield Diagnostic(
                CODE,
                f"`{layer.path}` drops {p:.0%} of the units",
                Label(span),
                notes=(f"`p` is the share that is dropped: to keep {p:g} write {kept:g}",)
                if p >= _KEPT
                else (),
                help=None
                if fix
                else f"write {kept:g}"
                if p >= _KEPT
                else "0.5 is the most that is usual",
                fix=fix,
            )


def _rewritten(call: Span, p: float, kept: float) -> Fix | None:
    """The share to keep written as the share to drop; the network learns otherwise then, so never
    unasked. None where the number stands elsewhere, in a parameter say."""
    found = [match for match in _NUMBER.finditer(call.text) if float(match.group()) == p]
    if len(found) != 1:
        return None
    start, end = (call.start + at for at in found[0].span())
    edit = Edit(Span(call.source, start, end), f"{kept:g}")
    return Fix(f"keep {p:g}, drop {kept:g}", (edit,), Applicability.UNSAFE)


def _ends_in(chains: Chains, layer: Layer, scored: set[str]) -> bool:
    """Whether its result is an output for the loss, or becomes one without weights between."""
    value = layer.outputs[0]
    while value not in scored:
        readers = chains.after(layer)
        if len(readers) != 1 or readers[0].node.kind not in MOVING | _SQUASHING:
            return False
        layer = readers[0]
        value = layer.outputs[0]
    return True
