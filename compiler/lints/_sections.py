"""Places in the sections of a spec, for the lints about settings."""

from __future__ import annotations

from dlc.compiler.compilation import Compilation
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def section(compilation: Compilation, name: str) -> tree.Entry | None:
    """The entry of a section."""
    return next((e for e in compilation.spec.settings if e.key.text == name), None)


def entries(compilation: Compilation, name: str) -> tuple[tree.Entry, ...]:
    """The entries inside a section that is a mapping."""
    found = section(compilation, name)
    return found.value.entries if found and isinstance(found.value, tree.Mapping) else ()


def place(compilation: Compilation, name: str, key: str | None = None) -> Span | None:
    """Where a section says something about `key`; the section's own name where it does not."""
    found = section(compilation, name)
    if found is None:
        return None
    inside = [e for e in entries(compilation, name) if e.key.text == key]
    return inside[0].key.span if inside else found.key.span
