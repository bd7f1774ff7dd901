"""A step that takes more memory than `train.memory` lets it.

A batch that does not fit is computed in parts, by itself, and blocks keep their inputs alone
where even the least part would not fit. That is found in two cases: where not even the least
part fits, so that the run ends out of memory; and where the network has batch norms, whose
statistics are then those of a part and no longer of the batch. What a step takes is
followed through the network as `dlc cost` and training do, in the narrowest format that the spec
allows; what an allocator adds comes on top. Remedy: the batch that fits, or a smaller network.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.lints._sections import place

CODE = code("W0158")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    settings = compilation.settings
    train, data = settings.train, settings.data
    span = place(compilation, "train", "memory")
    if train.memory is None or span is None or data is None or isinstance(data.batch_size, str):
        return
    # Imported on use: few specs state a memory, and every check runs every lint.
    from dlc.compiler.analysis.memory import memory

    def takes(batch: int, *, checkpoint: bool) -> int:
        return memory(
            compilation.program,
            settings,
            batch=batch,
            autocast=train.precision != "float32",
            checkpoint=checkpoint,
        ).training

    limit, whole = int(train.memory), data.batch_size
    norms = any(
        node.kind.startswith("batch_norm")
        for graph in compilation.program.graphs.values()
        for node in graph.nodes
    )
    least = min(2 if norms else 1, whole)
    try:
        wanted, smallest = takes(whole, checkpoint=False), takes(least, checkpoint=False)
        if smallest > limit and train.checkpointing is not False:
            smallest = min(smallest, takes(least, checkpoint=True))
        fits = whole
        while wanted > limit >= smallest and fits > least:
            fits = max(least, -(-fits // 2))
            if takes(fits, checkpoint=False) <= limit:
                break
    except DiagnosticError:
        # A size without a top: only the data tells.
        return
    if smallest > limit:
        samples = "one sample" if least == 1 else "two samples"
        yield Diagnostic(
            CODE,
            f"a step over {samples} takes {_bytes(smallest)}, and `memory` is {_bytes(limit)}",
            Label(span),
            help="no batch fits: make the network or its inputs smaller, or allow more",
        )
    elif norms and wanted > limit:
        yield Diagnostic(
            CODE,
            f"a step over {whole:,} samples takes {_bytes(wanted)}, and `memory` is "
            f"{_bytes(limit)}: batch norms will see parts of a batch",
            Label(span),
            help=f"`batch_size: {fits}` fits; `group_norm` gives the same in parts as in one",
        )


def _bytes(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} bytes"
