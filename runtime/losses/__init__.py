"""How losses are measured in numpy, one a file: `mse_loss.py` measures `mse_loss`.

Names are file names, as for the components themselves: a new measure is a new file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dlc.runtime.discovery import found_names, instance_of
from dlc.runtime.metrics.base import Measure


@cache
def names() -> frozenset[str]:
    """The names of the losses that are measured."""
    return found_names(__path__)


@cache
def load(name: str) -> Measure[Any]:
    """How the loss of this name is measured. Raises KeyError where nothing measures it."""
    if name not in names():
        raise KeyError(name)
    return instance_of(f"{__name__}.{name}", Measure)
