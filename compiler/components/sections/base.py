"""The base of sections: groups of keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.base import Component, arguments
from dlc.compiler.record import component


@component
class Section(Component):
    """A group of keys, at the top of a spec or inside another section.

    `unavailable` names keys that are declared and checked but that this version does not
    run, each with one line on what to do meanwhile.
    """

    kind: ClassVar[str] = "section"
    unavailable: ClassVar[Mapping[str, str]] = {}

    def used_unavailable(self) -> tuple[tuple[str, str], ...]:
        """The keys of `unavailable` that are set to other than their default, with the note."""
        table = arguments(type(self))
        return tuple(
            (key, note)
            for key, note in self.unavailable.items()
            if getattr(self, table[key].field) != table[key].default
        )
