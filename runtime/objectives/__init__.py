"""How objectives make targets, one a file: `next_token.py` runs `next_token`.

Names are file names, as for the components themselves: a new objective is a new file,
with a function `prepare(objective, columns)`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from dlc.runtime.objectives.base import Columns

Prepare = Callable[[Any, Columns], Columns]


@cache
def names() -> frozenset[str]:
    """The names of the objectives that are run."""
    return frozenset(
        entry[:-3]
        for folder in __path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )


@cache
def load(name: str) -> Prepare:
    """What runs the objective of this name. Raises KeyError where nothing does."""
    if name not in names():
        raise KeyError(name)
    found: Prepare = import_module(f"{__name__}.{name}").prepare
    return found
