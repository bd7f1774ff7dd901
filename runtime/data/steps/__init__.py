"""How preprocess components run in numpy, one a file: `standardize.py` runs `standardize`.

Names are file names, as for the components themselves: a new step is a new file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dlc.runtime.data.steps.base import Step
from dlc.runtime.discovery import found_names, instance_of


@cache
def names() -> frozenset[str]:
    """The names of the components that are run."""
    return found_names(__path__)


@cache
def load(name: str) -> Step[Any]:
    """How the component of this name runs. Raises KeyError where nothing runs it."""
    if name not in names():
        raise KeyError(name)
    return instance_of(f"{__name__}.{name}", Step)
