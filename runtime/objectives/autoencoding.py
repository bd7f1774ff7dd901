"""An input that is its own target."""

from __future__ import annotations

from dataclasses import replace

from dlc.compiler.components.objectives.autoencoding import Autoencoding
from dlc.runtime.objectives.base import Columns


def prepare(objective: Autoencoding, columns: Columns) -> Columns:
    """The target shares the memory of the input."""
    assert objective.input is not None
    assert objective.target is not None
    found = {objective.target: columns.arrays[objective.input]}
    return replace(columns, arrays={**columns.arrays, **found})
