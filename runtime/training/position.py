"""How far a run has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(kw_only=True)
class Position:
    """How far a run has come. `taken` counts the samples of the epoch under way; the loss
    is summed over `seen` samples since the last record."""

    step: int = 0
    epoch: int = 0
    taken: int = 0
    loss: float = 0.0
    seen: int = 0
    seconds: float = 0.0
