"""Ops of other packages, found by their entry points in the group `dlc.ops`.

    [project.entry-points."dlc.ops"]
    soft_clip = "my_package.soft_clip:SoftClip"

The class follows `dlc.compiler.ops.base.Op` like ours. Packages are looked for only when
a spec names what we do not have: a spec without such names pays nothing for them. An op
of ours cannot be replaced.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dlc.compiler.components.base import Component

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "dlc.ops"


class BrokenPlugin(Exception):
    """An installed op that cannot be used, and why."""

    def __init__(self, name: str, package: str, reason: str) -> None:
        super().__init__(f"the op `{name}` of the package `{package}` cannot be used: {reason}")
        self.name = name
        self.package = package
        self.reason = reason


@cache
def _entries() -> dict[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def names() -> tuple[str, ...]:
    """The names of all installed ops, sorted, without importing any of them."""
    return tuple(sorted(_entries()))


def package(name: str) -> str:
    """The package that an op comes from, with its version: `my-package 1.2`."""
    return " and ".join(sorted(_package(entry) for entry in _entries()[name]))


@cache
def load(name: str) -> type[Component]:
    """The class of an installed op. Raises LookupError where there is none, `BrokenPlugin`
    where it is no op, is called otherwise, or cannot be imported."""
    entries = _entries().get(name, ())
    if not entries:
        raise LookupError(name)
    packages = package(name)
    if len({entry.value for entry in entries}) > 1:
        raise BrokenPlugin(name, packages, "several packages bring an op of this name")
    try:
        found = entries[0].load()
    except Exception as problem:  # whatever a foreign module raises when it is imported
        reason = f"importing `{entries[0].value}` failed with {type(problem).__name__}: {problem}"
        raise BrokenPlugin(name, packages, " ".join(reason.split())) from problem
    if not isinstance(found, type) or not issubclass(found, Component) or _kind(found) != "op":
        raise BrokenPlugin(name, packages, f"`{entries[0].value}` is no class based on `Op`")
    if found.__dict__.get("name") != name:
        reason = f"its class calls itself `{getattr(found, 'name', '')}`"
        raise BrokenPlugin(name, packages, reason)
    return found


def _kind(component: type[Component]) -> str | None:
    return getattr(component, "kind", None)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
