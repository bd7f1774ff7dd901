"""Names of layers: unique within a graph, stable over the turns of a repeat."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """`BasicBlock` -> `basic_block`, `ConvBnRelu` -> `conv_bn_relu`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return spaced.lower()


class Namer:
    """Gives each step of a graph its layer name.

    A step is named by the author, else by kind: `conv2d`, `conv2d_2`. The same step in
    another turn of a repeat keeps its name and gets the turn's number: `conv2d.0`,
    `conv2d.1`.
    """

    def __init__(self, reserved: set[str]) -> None:
        self._taken = set(reserved)
        self._bases: dict[tuple[int, str], str] = {}
        self._counts: dict[str, int] = {}

    def reserve(self, name: str) -> None:
        """Keeps a name from being given to a layer."""
        self._taken.add(name)

    def layer(self, step: int, kind: str, name: str | None, turns: tuple[int, ...]) -> str:
        """The layer name of the step identified by `step` in the given turns."""
        key = (step, name or kind)
        base = self._bases.get(key)
        if base is None:
            base = self._bases[key] = self._fresh(name or kind)
        return ".".join([base, *map(str, turns)])

    def _fresh(self, wanted: str) -> str:
        if wanted not in self._taken:
            self._taken.add(wanted)
            self._counts[wanted] = 1
            return wanted
        number = self._counts.get(wanted, 1) + 1
        while f"{wanted}_{number}" in self._taken:
            number += 1
        self._counts[wanted] = number
        self._taken.add(f"{wanted}_{number}")
        return f"{wanted}_{number}"
