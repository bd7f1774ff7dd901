"""An input that spans widely, as it is.

Weights start for inputs of order 1: what the first layer gives has the size of what comes in,
and its gradients have it too. With inputs of order 1,000 activations saturate or the first
steps throw the weights far away, and the learning rate that prevents this is too small for all
other layers (LeCun et al., "Efficient backprop", 1998, section 4.3). Remedy: `standardize`,
which the exported model does as well, or a norm as the first layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.data_profile import DataProfile, ProfileColumn
from dlc.compiler.compilation import Compilation
from dlc.compiler.data_lints.base import Finding, figure
from dlc.compiler.diagnostics.catalog import code

CODE = code("W0213")

_LARGE = 30.0


def check(compilation: Compilation, profile: DataProfile) -> Iterator[Finding]:
    for owner in profile.owners:
        columns = [
            column
            for column in profile.of(owner)
            if not column.target and column.kind != "text" and column.spread is not None
        ]
        if not columns or not _taken_as_it_is(compilation, owner):
            continue
        # Where only some are large, W0210 tells of the difference.
        size = min(_size(column) for column in columns)
        # Of pictures bytes become shares of 255 where they are read.
        if size < _LARGE or len(compilation.program.graph.values[owner].shape) > 3:
            continue
        yield Finding(
            code=CODE,
            message=f"`{owner}` is of the order of {figure(float(f'{size:.1g}'))}, and the first "
            "layer takes it as it is",
            about=owner,
            help=f"bring it to order 1: `preprocess: {{{owner}: standardize}}`",
            numbers={"root_mean_square": size},
        )


def _size(column: ProfileColumn) -> float:
    """The root of the mean square."""
    spread = column.spread
    return 0.0 if spread is None else float(spread.square**0.5)


def _taken_as_it_is(compilation: Compilation, owner: str) -> bool:
    if compilation.settings.preprocess.get(owner):
        return False
    graph = compilation.program.graph
    if owner not in graph.inputs or not graph.values[owner].dtype.is_float:
        return False
    readers = [n for n in graph.nodes if owner in (value for _, value in n.inputs)]
    # What else is done to it first, such as a product, may bring it to scale.
    return any(n.kind.startswith(("linear", "conv", "rnn", "lstm", "gru")) for n in readers)
