"""How metrics are measured in numpy, one a file: `accuracy.py` measures `accuracy`.

Names are file names, as for the components themselves: a new measure is a new file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dlc.runtime.discovery import found_names, instance_of
from dlc.runtime.metrics.base import Measure


@cache
def names() -> frozenset[str]:
    """The names of the metrics that are measured."""
    return found_names(__path__)


@cache
def load(name: str) -> Measure[Any]:
    """How the metric of this name is measured. Raises KeyError where nothing measures it."""
    if name not in names():
        raise KeyError(name)
    return instance_of(f"{__name__}.{name}", Measure)
