"""Which layers of a network are frozen, and from which epoch on they are trained."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.analysis.parameter_groups import covers
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.ir.graph import Program


def frozen_layers(program: Program, transfer: Transfer | None) -> dict[str, int | None]:
    """Every frozen layer with parameters by its path, in the order of the network, with the
    epoch from which it is trained; None for one that is never."""
    if transfer is None or not transfer.freeze:
        return {}
    found: dict[str, int | None] = {}
    for path, _, node in program.owners():
        if node.parameters and any(covers(pattern, path) for pattern in transfer.freeze):
            found[path] = _thawed(path, transfer)
    return found


def _thawed(path: str, transfer: Transfer) -> int | None:
    stages = transfer.unfreeze_at
    if not isinstance(stages, Mapping):
        return stages
    return next((epoch for pattern, epoch in stages.items() if covers(pattern, path)), None)


def prefixes(program: Program, layers: Mapping[str, int | None]) -> dict[str, int | None]:
    """The same with whole blocks in place of their layers, wherever all layers of a block with
    parameters have one epoch."""
    every = [path for path, _, node in program.owners() if node.parameters]
    found: dict[str, int | None] = {}
    for path, epoch in layers.items():
        prefix = next(
            prefix
            for prefix in _prefixes(path)
            if all(
                other in layers and layers[other] == epoch
                for other in every
                if covers(prefix, other)
            )
        )
        found[prefix] = epoch
    return found


def _prefixes(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
