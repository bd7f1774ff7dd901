"""Which local variable holds which value of a forward pass.

Values with a name of the author's live in a variable of that name. The others share `x`,
which each line assigns anew; where the old value is still wanted, as at a residual, it is
kept as `shortcut`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dlc.compiler.codegen.identifiers import Names
from dlc.compiler.codegen.loops import Item, Line, Loop, walk

MAIN, SIDE = "x", "shortcut"
_END = 1 << 60


@dataclass(frozen=True, slots=True)
class Copy:
    """`target = source`."""

    target: str
    source: str


class Liveness:
    """Where each value is read for the last time. Positions count lines, loop heads and loop
    ends in order; what a loop reads from outside is alive until its end."""

    def __init__(self, items: list[Item], outputs: Iterable[int]) -> None:
        self.position: dict[int, int] = {}
        self.end: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.scope: dict[int, tuple[Loop, ...]] = {}
        self._counter = 0
        self._visit(items, ())
        for value in outputs:
            self.last[value] = _END

    def _next(self) -> int:
        self._counter += 1
        return self._counter

    def _read(self, value: int, position: int, loops: tuple[Loop, ...]) -> None:
        inside = self.scope.get(value, ())
        for loop in loops:
            if loop not in inside:
                position = self.end[id(loop)]
                break
        self.last[value] = max(self.last.get(value, 0), position)

    def _visit(self, items: list[Item], loops: tuple[Loop, ...]) -> None:
        for item in items:
            self.position[id(item)] = self._next()
            if isinstance(item, Line):
                for token in item.tokens:
                    if isinstance(token, int):
                        self._read(token, self.position[id(item)], loops)
                for value in item.results:
                    self.scope[value] = loops
                continue
            inside = (*loops, item)
            # The end is not known yet; no position lies beyond it.
            self.end[id(item)] = self.position[id(item)] + _size(item)
            for phi in item.phis:
                self._read(phi.initial, self.position[id(item)], loops)
                self.scope[phi.value] = inside
            self._visit(item.body, inside)
            assert self._next() == self.end[id(item)]
            for phi in item.phis:
                self._read(phi.carried, self.end[id(item)], inside)


def _size(loop: Loop) -> int:
    return 1 + sum(2 if isinstance(item, Loop) else 1 for item in walk(loop.body))


def side_values(items: list[Item]) -> set[int]:
    """Values on the way to the second operand of a sum, as a shortcut with layers is."""
    readers: dict[int, list[tuple[Line, int]]] = {}
    lines = [item for item in walk(items) if isinstance(item, Line)]
    for line in lines:
        for place, token in enumerate(t for t in line.tokens if isinstance(t, int)):
            readers.setdefault(token, []).append((line, place))
    side: set[int] = set()
    for line in reversed(lines):
        for value in line.results:
            found = readers.get(value, [])
            if len(found) != 1:
                continue
            reader, place = found[0]
            if (reader.kind == "add" and place > 0) or (
                place == 0 and any(result in side for result in reader.results)
            ):
                side.add(value)
    return side


class Variables:
    """Assigns variables along the lines, in order."""

    def __init__(
        self, live: Liveness, side: set[int], names: Names, inputs: dict[int, str]
    ) -> None:
        self._live = live
        self._side = side
        self._names = names
        self.of: dict[int, str] = dict(inputs)
        self._holder: dict[str, int] = {name: value for value, name in inputs.items()}
        self._anonymous = {MAIN, SIDE}
        self._spare: list[str] = []

    def is_read(self, value: int) -> bool:
        return value in self._live.last

    def _free(self, name: str, position: int) -> bool:
        holder = self._holder.get(name)
        return holder is None or self._live.last.get(holder, 0) <= position

    def _put(self, value: int, name: str) -> None:
        self.of[value] = name
        self._holder[name] = value

    def _fresh(self, position: int, wanted: str) -> str:
        """An anonymous variable that holds nothing that is still wanted."""
        for name in (wanted, *self._spare):
            if name in self._anonymous and self._free(name, position):
                return name
        name = self._names.take(wanted)
        self._anonymous.add(name)
        self._spare.append(name)
        return name

    def _make_room(self, name: str, position: int) -> Copy:
        """Moves what a variable holds elsewhere."""
        value = self._holder[name]
        other = self._fresh(position, SIDE)
        self._put(value, other)
        return Copy(other, name)

    def _movable(self, name: str, loops: tuple[Loop, ...]) -> bool:
        """Whether what a variable holds was made in the innermost loop. What comes from
        outside must stay, as the next turn looks for it at the same place."""
        return self._live.scope.get(self._holder[name], ()) == loops

    def assign(
        self, line: Line, names: list[str | None], loops: tuple[Loop, ...]
    ) -> tuple[list[Copy], list[str]]:
        """The variables of a line's results, and what must be copied before the line.
        `names` are the author's, None where there is none."""
        position = self._live.position[id(line)]
        reads = [token for token in line.tokens if isinstance(token, int)]
        copies: list[Copy] = []
        targets: list[str] = []
        for value, name in zip(line.results, names, strict=True):
            if value not in self._live.last and len(line.results) > 1:
                targets.append("_")
                continue
            target = name or self._target(value, reads, position, loops)
            if name is None and target in targets:
                target = self._fresh(position, "y")
            if not self._free(target, position):
                copies.append(self._make_room(target, position))
            self._put(value, target)
            targets.append(target)
        return copies, targets

    def _target(self, value: int, reads: list[int], position: int, loops: tuple[Loop, ...]) -> str:
        dying = [
            self.of[read]
            for read in dict.fromkeys(reads)
            if self.of[read] in self._anonymous and self._live.last.get(read, 0) <= position
        ]
        if dying:
            return MAIN if MAIN in dying else dying[0]
        if self._free(MAIN, position):
            return MAIN
        if value in self._side:
            return self._fresh(position, SIDE)
        if self._holder[MAIN] in reads and self._movable(MAIN, loops):
            return MAIN
        return self._fresh(position, "y")

    def enter(
        self, loop: Loop, loops: tuple[Loop, ...], names: dict[int, str | None]
    ) -> list[Copy]:
        """What stands before a loop: each value handed from turn to turn gets a variable."""
        position = self._live.position[id(loop)]
        copies: list[Copy] = []
        for phi in loop.phis:
            source = self.of[phi.initial]
            wanted = names.get(phi.carried)
            dies = self._live.last.get(phi.initial, 0) <= position
            if wanted is None and dies and source in self._anonymous:
                self._put(phi.value, source)
                continue
            target = wanted or MAIN
            if not self._free(target, position):
                if self._movable(target, loops):
                    copies.append(self._make_room(target, position))
                else:
                    target = self._fresh(position, "y")
            if target != source:
                copies.append(Copy(target, self.of[phi.initial]))
            self._put(phi.value, target)
        return copies

    def leave(self, loop: Loop, homes: dict[int, str]) -> list[Copy]:
        """What stands at the end of a loop's body: each such value goes where the next turn
        looks for it. `homes` are the variables before the first turn."""
        copies = []
        for phi in loop.phis:
            source, home = self.of[phi.carried], homes[phi.value]
            if source != home:
                copies.append(Copy(home, source))
                self._holder[home] = phi.carried
        return copies
