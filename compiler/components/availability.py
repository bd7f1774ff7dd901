"""What a spec asks for that this version declares and checks, but does not run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from dlc.compiler.components.base import Component
from dlc.compiler.components.sections.base import Section
from dlc.compiler.components.settings import Settings
from dlc.compiler.components.sources.base import for_path
from dlc.compiler.record import component


@component
class Unavailable:
    """One such thing: its dotted path in the spec, its name, and what to do meanwhile."""

    path: str
    name: str
    note: str


def not_run_yet(settings: Settings) -> tuple[Unavailable, ...]:
    """All that `dlc train` would have to leave undone, in the order of the sections.

    `search` is not among it: training leaves that section out by design.
    """
    found: list[Unavailable] = []
    for f in dataclasses.fields(settings):
        if f.name == "data":
            found.extend(_bare_source(settings))
        if f.name != "search":
            found.extend(_within(f.name, getattr(settings, f.name)))
    return tuple(found)


def _bare_source(settings: Settings) -> Iterator[Unavailable]:
    if settings.data is not None and isinstance(settings.data.source, str):
        source = for_path(settings.data.source)
        if source is not None and not source.available:
            yield Unavailable(path="data.source", name=source.name, note=source.available_note)


def _within(path: str, value: object) -> Iterator[Unavailable]:
    if isinstance(value, Component):
        if not value.available:
            yield Unavailable(path=path, name=value.name, note=value.available_note)
            return
        if isinstance(value, Section):
            for key, note in value.used_unavailable():
                yield Unavailable(path=f"{path}.{key}", name=key, note=note)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _within(f"{path}.{key}", item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _within(path, item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for f in dataclasses.fields(value):
            # The terms of a weighted loss are no keys of the spec.
            inner = f"{path}.{f.name}" if isinstance(value, Component) else path
            yield from _within(inner, getattr(value, f.name))
