"""The settings of a bound spec as a flat table, for tools that know nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.printing import format_expression


def flat_settings(spec: tree.File) -> dict[str, str]:
    """Parameters and settings by the paths that `--set` takes: `p`, `optimizer.lr`,
    `train.early_stopping.patience`. A call gives its name at its own path."""
    found = {
        param.name.text: format_expression(param.default)
        for param in spec.params
        if param.default is not None
    }
    for entry in spec.settings:
        found.update(_flat(entry.key.text, entry.value))
    return found


def _flat(path: str, value: tree.Expr) -> Iterator[tuple[str, str]]:
    match value:
        case tree.Mapping():
            for entry in value.entries:
                yield from _flat(f"{path}.{entry.key.text}", entry.value)
        case tree.Call() if all(argument.name is not None for argument in value.arguments):
            yield path, value.name.text
            for argument in value.arguments:
                assert argument.name is not None
                yield from _flat(f"{path}.{argument.name.text}", argument.value)
        case tree.Text():
            yield path, value.value
        case _:
            yield path, format_expression(value)
