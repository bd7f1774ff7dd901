"""Milestones: epochs at which something changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from dlc.compiler.components.base import ComponentError


def ascending(milestones: Sequence[int]) -> None:
    """Raises `ComponentError` where milestones are none, or not in order."""
    if not milestones:
        raise ComponentError(
            "E0303",
            "`milestones` is empty",
            blame="milestones",
            help="name the epochs at which the rate changes, such as `[30, 60]`",
        )
    if any(a >= b for a, b in pairwise(milestones)):
        raise ComponentError(
            "E0302",
            "`milestones` wants epochs in ascending order",
            blame="milestones",
            help=f"write `[{', '.join(map(str, sorted(set(milestones))))}]`",
        )
