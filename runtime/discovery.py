"""Classes that are found by the names of their files: a new one is a new file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from typing import TypeVar

_C = TypeVar("_C")


def found_names(folders: Iterable[str]) -> frozenset[str]:
    """The files of a package that hold one each: all but its base and its private ones."""
    return frozenset(
        entry[:-3]
        for folder in folders
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )


def instance_of(module: str, base: type[_C]) -> _C:
    """An instance of the class of this base that a module defines."""
    found = import_module(module)
    for value in vars(found).values():
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module:
            return value()
    raise AssertionError(f"{module} holds no {base.__name__}")
