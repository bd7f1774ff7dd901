"""Finding components by kind and name.

Names are file names: listing a folder tells what there is, and a file is imported
only when a spec names what is in it. No list to keep, nothing to register. Ops of other
packages come from their entry points, see `plugins`.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module

from dlc.compiler.components import plugins
from dlc.compiler.components.base import Component

# The folder of each kind. Every other module of such a folder whose name does not
# begin with an underscore, and is not `base`, holds one component.
_BASE = "dlc.compiler.components"
PACKAGES: dict[str, str] = {
    "op": "dlc.compiler.ops",
    "initializer": f"{_BASE}.initializers",
    "loss": f"{_BASE}.losses",
    "metric": f"{_BASE}.metrics",
    "optimizer": f"{_BASE}.optimizers",
    "schedule": f"{_BASE}.schedules",
    "augmentation": f"{_BASE}.augmentations",
    "source": f"{_BASE}.sources",
    "preprocess": f"{_BASE}.preprocessing",
    "postprocess": f"{_BASE}.postprocessing",
    "objective": f"{_BASE}.objectives",
    "average": f"{_BASE}.averages",
    "distribution": f"{_BASE}.distributions",
    "interval": f"{_BASE}.intervals",
    "section": f"{_BASE}.sections",
}


class UnknownComponent(LookupError):
    """No component of this kind has this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} is called `{name}`")
        self.kind = kind
        self.name = name


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of a kind that dlc itself has, sorted, without importing any of them."""
    package = import_module(PACKAGES[kind])
    found = {
        entry[:-3]
        for folder in package.__path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry not in ("base.py",)
    }
    return tuple(sorted(found))


def all_names(kind: str) -> tuple[str, ...]:
    """The same with what other installed packages bring."""
    if kind != "op":
        return names(kind)
    return tuple(sorted({*names(kind), *plugins.names()}))


def has(kind: str, name: str) -> bool:
    """Whether there is such a component, of ours or of an installed package."""
    return name in names(kind) or (kind == "op" and name in plugins.names())


@cache
def load(kind: str, name: str) -> type[Component]:
    """The class of the component; raises `UnknownComponent`, and `BrokenPlugin` where an
    installed package has it and it cannot be used."""
    if kind not in PACKAGES or name not in names(kind):
        if kind == "op" and name in plugins.names():
            return plugins.load(name)
        raise UnknownComponent(kind, name)
    module = import_module(f"{PACKAGES[kind]}.{name}")
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Component)
            and value.__dict__.get("name") == name
            and value.kind == kind
        ):
            return value
    raise AssertionError(f"{module.__name__} holds no {kind} called {name}")


def package(component: type[Component]) -> str | None:
    """The package that brings a component and its version; None where it is ours."""
    if component.__module__.startswith(PACKAGES[component.kind]):
        return None
    return plugins.package(component.name)


def kinds_of(name: str) -> tuple[str, ...]:
    """The kinds in which a name is used: `linear` is an op and a schedule."""
    return tuple(kind for kind in PACKAGES if has(kind, name))
