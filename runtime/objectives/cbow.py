"""Words with all their neighbours."""

from __future__ import annotations

from dlc.compiler.components.objectives.cbow import Cbow
from dlc.runtime.objectives._neighbours import bags
from dlc.runtime.objectives._pairs import prepare_pairs
from dlc.runtime.objectives.base import Columns


def prepare(objective: Cbow, columns: Columns) -> Columns:
    """Raises `Failure` E0606 for texts without two words."""
    return prepare_pairs(objective, columns, bags)
