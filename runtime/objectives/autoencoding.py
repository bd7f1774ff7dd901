"""An input that is its own target."""

from __future__ import annotations

from dlc.compiler.components.objectives.autoencoding import Autoencoding
from dlc.runtime.objectives.base import Columns


def prepare(objective: Autoencoding, columns: Columns) -> Columns:
    """The target shares the memory of the input, since the rows were made ready: see
    `Recipe.shared`."""
    assert objective.target in columns.arrays
    return columns
