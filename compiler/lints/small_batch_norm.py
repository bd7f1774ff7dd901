"""Batch norm over batches of a few samples.

The mean and variance of a batch stand for those of all data; of n samples they are off by about
1/sqrt(n) of a deviation, other ones in each step, and what the network learns to undo is not there
at use. Below eight samples a batch that costs accuracy (Wu and He, "Group normalization", 2018).
Accumulating gradients does not help: statistics are those of each batch by itself. Of maps every
place counts as a sample, so that the noise is less, but the places of one picture are alike.
Remedy: `group_norm` or `layer_norm`, or larger batches.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place

CODE = code("W0140")

_LEAST = 8


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    data = compilation.settings.data
    size = data.batch_size if data is not None else "all"
    if isinstance(size, str) or size >= _LEAST:
        return
    for graph in compilation.program.graphs.values():
        for node in graph.nodes:
            if not node.kind.startswith("batch_norm") or node.span is None:
                continue
            batch = place(compilation, "data", "batch_size")
            yield Diagnostic(
                CODE,
                f"`{node.kind}` takes its statistics over batches of {size:,}",
                Label(node.span),
                (Label(batch, "the batch"),) if batch is not None else (),
                help="use `group_norm`, which knows nothing of the batch, or batches of 16",
            )
            return
