"""How preprocess components run in numpy, one a file: `standardize.py` runs `standardize`.

Names are file names, as for the components themselves: a new step is a new file.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from dlc.runtime.data.steps.base import Step


@cache
def names() -> frozenset[str]:
    """The names of the components that are run."""
    return frozenset(
        entry[:-3]
        for folder in __path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )


@cache
def load(name: str) -> Step[Any]:
    """How the component of this name runs. Raises KeyError where nothing runs it."""
    if name not in names():
        raise KeyError(name)
    module = import_module(f"{__name__}.{name}")
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Step)
            and value.__module__ == module.__name__
        ):
            return value()
    raise AssertionError(f"{module.__name__} holds no step")
