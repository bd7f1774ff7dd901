"""Words with a neighbour each."""

from __future__ import annotations

from dlc.compiler.components.objectives.skip_gram import SkipGram
from dlc.runtime.objectives._neighbours import pairs
from dlc.runtime.objectives._pairs import prepare_pairs
from dlc.runtime.objectives.base import Columns


def prepare(objective: SkipGram, columns: Columns) -> Columns:
    """Raises `Failure` E0606 for texts without two words."""
    return prepare_pairs(objective, columns, pairs)
