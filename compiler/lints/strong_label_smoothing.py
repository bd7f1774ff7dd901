"""Label smoothing that gives away much of the target.

A share s of each target goes to all classes alike: of K classes the right one keeps
1 - s + s / K, and the loss is least where the network is no surer than that. A tenth is what
Szegedy et al. (2016) take, and Müller et al. (2019) find that larger shares take away what tells
classes apart. Above 0.3 it is mostly the share to keep. Remedy: 0.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place

CODE = code("W0147")

_MOST = 0.3


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    for term in compilation.settings.loss:
        share = float(getattr(term.loss, "label_smoothing", 0.0))
        span = place(compilation, "loss")
        if share > _MOST and span is not None:
            yield Diagnostic(
                CODE,
                f"`label_smoothing` of {share:g} takes {share:.0%} of every target away",
                Label(span),
                help="0.1 is usual",
            )
