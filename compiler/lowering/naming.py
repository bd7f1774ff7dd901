"""Names of layers: unique within a graph, stable over the turns of a repeat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dlc.compiler.semantics.forms import all_steps
from dlc.compiler.syntax import tree


def snake_case(name: str) -> str:
    """`BasicBlock` -> `basic_block`, `ConvBnRelu` -> `conv_bn_relu`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return spaced.lower()


class Namer:
    """Gives each step of a graph its layer name.

    A step is named by the author, else by kind: `conv2d`, `conv2d_2`. The same step in
    another turn of a repeat keeps its name and gets the turn's number: `conv2d.0`,
    `conv2d.1`. A kind makes way for an author's name anywhere in the graph (`authored`).
    """

    def __init__(self, authored: Iterable[str]) -> None:
        self._taken: set[str] = set()
        self._authored = frozenset(authored)
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
            base = self._bases[key] = self._fresh(name or kind, name is not None)
        return ".".join([base, *map(str, turns)]) if turns else base

    def _fresh(self, wanted: str, authored: bool) -> str:
        if authored and wanted not in self._taken:
            self._taken.add(wanted)
            return wanted
        number = self._counts.get(wanted, 0) + 1
        while True:
            found = wanted if number == 1 else f"{wanted}_{number}"
            if found not in self._taken and found not in self._authored:
                break
            number += 1
        self._counts[wanted] = number
        self._taken.add(found)
        return found


def named_in(steps: Iterable[tree.Step]) -> Iterator[str]:
    """The names that the author gives in these steps, at any depth."""
    return (name.text for step in all_steps(steps) for name in step.names)
