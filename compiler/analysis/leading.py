"""Which parameters lead to a value."""

from __future__ import annotations

from collections.abc import Iterable

from dlc.compiler.analysis.flat import Flat, producers


def leading_to(flat: Flat, values: Iterable[str]) -> set[str]:
    """The trained parameters, by state_dict key, of every layer on the way to some values."""
    made = producers(flat)
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        layer = made.get(value)
        if value in seen or layer is None:
            continue
        seen.add(value)
        found |= {key for key, parameter in layer.parameters if parameter.trainable}
        waiting += layer.values
    return found
