"""An output that no loss reads.

What leads to it alone is never trained: it stays as it started, and its answers are noise that
looks like answers. An output that is to be read only, such as the features behind it, is fine
where a loss trains what it is made of, and so is one whose weights come from a file. Remedy: a
loss for it, or leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.leading import leading_to
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import chains_of

CODE = code("W0128")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    settings = compilation.settings
    if not settings.loss or settings.transfer is not None:
        return
    chains = chains_of(compilation)
    outputs = chains.flat.outputs
    read = {name for term in settings.loss for name in term.loss.names}
    trained = leading_to(chains.flat, [value for name, value in outputs.items() if name in read])
    for name, value in outputs.items():
        if name in read:
            continue
        own = leading_to(chains.flat, [value]) - trained
        source = chains.source(value)
        if not own or source is None or source.node.span is None:
            continue
        yield Diagnostic(
            CODE,
            f"no loss reads `{name}`, and `{sorted(own)[0]}` leads to nothing else",
            Label(source.node.span),
            notes=("its weights stay as they started",),
            help="add a loss for it, or leave the output out",
        )
