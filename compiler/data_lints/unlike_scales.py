"""Inputs on wildly different scales.

The first layer sees a column that runs to thousands and hardly sees one of thousandths; the
loss is a long narrow valley, which gradients cross instead of following (LeCun et al.,
"Efficient backprop", 1998, section 4.3). Remedy: `standardize`, or another step that brings
all columns to one scale.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.data_profile import DataProfile, ProfileColumn
from dlc.compiler.compilation import Compilation
from dlc.compiler.data_lints.base import Finding, figure
from dlc.compiler.diagnostics.catalog import code

CODE = code("W0210")

_RATIO = 100.0
_RESCALING = frozenset(
    {"standardize", "min_max", "max_abs", "robust", "pca_whitening", "zca_whitening"}
    | {"power", "bucketize"}
)
_NORMS = ("batch_norm", "instance_norm", "normalize")


def check(compilation: Compilation, profile: DataProfile) -> Iterator[Finding]:
    plain = [
        column
        for column in profile.columns
        if not column.target and column.kind != "text" and not _rescaled(compilation, column.of)
    ]
    moving = [column for column in plain if column.spread is not None and column.spread.std > 0]
    if len(moving) < 2:
        return
    smallest, largest = min(moving, key=_std), max(moving, key=_std)
    ratio = _std(largest) / _std(smallest)
    # A pixel that is hardly ever on varies little, on the same scale as the others.
    if ratio < _RATIO or _range(largest) < _RATIO * _range(smallest):
        return
    yield Finding(
        code=CODE,
        message=f"`{largest.name}` varies {figure(float(f'{ratio:.2g}'))} times as much as "
        f"`{smallest.name}`",
        about=largest.of,
        notes=(
            f"their standard deviations are {figure(_std(largest))} and {figure(_std(smallest))}",
        ),
        help=f"bring them to one scale: `preprocess: {{{largest.of}: standardize}}`",
        numbers={"std": {largest.name: _std(largest), smallest.name: _std(smallest)}},
    )


def _std(column: ProfileColumn) -> float:
    return column.spread.std if column.spread is not None else 0.0


def _range(column: ProfileColumn) -> float:
    return column.spread.high - column.spread.low if column.spread is not None else 0.0


def _rescaled(compilation: Compilation, owner: str) -> bool:
    """Whether a step, or the first layer, brings the input to a scale of its own. Numbers that
    are indices have none."""
    if any(s.name in _RESCALING for s in compilation.settings.preprocess.get(owner, ())):
        return True
    graph = compilation.program.graph
    if owner not in graph.inputs or not graph.values[owner].dtype.is_float:
        return True
    readers = [n for n in graph.nodes if owner in (value for _, value in n.inputs)]
    return bool(readers) and all(node.kind.startswith(_NORMS) for node in readers)
