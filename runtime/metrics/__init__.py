"""How metrics are measured in numpy, one a file: `accuracy.py` measures `accuracy`.

Names are file names, as for the components themselves: a new measure is a new file.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from dlc.runtime.metrics.base import Measure


@cache
def names() -> frozenset[str]:
    """The names of the metrics that are measured."""
    return frozenset(
        entry[:-3]
        for folder in __path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )


@cache
def load(name: str) -> Measure[Any]:
    """How the metric of this name is measured. Raises KeyError where nothing measures it."""
    if name not in names():
        raise KeyError(name)
    module = import_module(f"{__name__}.{name}")
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Measure)
            and value.__module__ == module.__name__
        ):
            return value()
    raise AssertionError(f"{module.__name__} holds no measure")
