"""The lines of a forward pass, with the turns of a repeat rolled into loops.

A repeat of the spec arrives unrolled: nodes `conv2d.0`, `relu.0`, `conv2d.1`, ... Turns
that read alike, each working on what the one before gave, become one loop over
module lists; whatever does not fit stays as single lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

#: Source text in pieces: text, and the values that stand between.
Tokens: TypeAlias = list[str | int]

#: A piece of text with -1, or where a value comes from with its number or place.
_Kind: TypeAlias = tuple[str, int]


@dataclass(slots=True)
class Line:
    """`results = text`, of the node `stem.indices` at `place` in its graph. `turns` are the
    results that the line stands for, those of the same line in other turns included."""

    tokens: Tokens
    results: tuple[int, ...]
    stem: str
    indices: tuple[int, ...]
    kind: str
    place: int
    module: bool
    named: bool
    turns: list[tuple[int, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Phi:
    """A value that one turn hands to the next: `initial` before the first turn, then what
    `carried` was at the end of the turn before."""

    value: int
    initial: int
    carried: int


@dataclass(slots=True)
class Loop:
    """`start`, ..., `stop - 1` are the turns' numbers, `depth` counts the repeats around."""

    body: list[Item]
    phis: list[Phi]
    start: int
    stop: int
    depth: int


Item: TypeAlias = "Line | Loop"


@dataclass(slots=True)
class Rolled:
    """`aliases` maps values of the last turns to those that stand for them."""

    items: list[Item]
    aliases: dict[int, int]


_SUMS, _PRODUCTS = ("add", "sub"), ("mul", "div")


def join_sums(lines: list[Line], outputs: list[int]) -> list[Line]:
    """The lines with `x = a + b` and `x = x + c` as one, where nothing else reads the first."""
    readers: dict[int, int] = {}
    for value in [*outputs, *(t for line in lines for t in line.tokens if isinstance(t, int))]:
        readers[value] = readers.get(value, 0) + 1
    kept: list[Line] = []
    for line in lines:
        above = kept[-1] if kept else None
        if (
            above is not None
            and line.kind in _SUMS + _PRODUCTS
            and above.kind in _SUMS + _PRODUCTS
            and len(line.tokens) > 1
            and line.tokens[0] == above.results[0]
            and readers[above.results[0]] == 1
            and not above.named
            and line.indices == above.indices
        ):
            bracket = line.kind in _PRODUCTS and above.kind in _SUMS
            first = ["(", *above.tokens, ")"] if bracket else above.tokens
            line.tokens = [*first, *line.tokens[1:]]
            kept.pop()
        kept.append(line)
    return kept


def roll(lines: list[Line], outputs: list[int], fresh: Callable[[], int]) -> Rolled:
    """Finds the loops. `outputs` are values that are read at the end; `fresh` gives
    numbers for new values."""
    roller = _Roller(lines, outputs, fresh)
    items = roller.roll(list(lines), 0)
    for item in walk(items):
        if isinstance(item, Line):
            item.tokens = [roller.resolve(t) if isinstance(t, int) else t for t in item.tokens]
        else:
            for phi in item.phis:
                phi.initial = roller.resolve(phi.initial)
                phi.carried = roller.resolve(phi.carried)
    return Rolled(items, {value: roller.resolve(value) for value in roller.aliases})


def walk(items: list[Item]) -> Iterator[Item]:
    """All items, loops before their bodies."""
    for item in items:
        yield item
        if isinstance(item, Loop):
            yield from walk(item.body)


class _Roller:
    def __init__(self, lines: list[Line], outputs: list[int], fresh: Callable[[], int]) -> None:
        self.aliases: dict[int, int] = {}
        self._fresh = fresh
        self._outputs = frozenset(outputs)
        # Which lines read a value, by the identity of the line.
        self._readers: dict[int, set[int]] = {}
        for line in lines:
            for token in line.tokens:
                if isinstance(token, int):
                    self._readers.setdefault(token, set()).add(id(line))

    def resolve(self, value: int) -> int:
        while value in self.aliases:
            value = self.aliases[value]
        return value

    def roll(self, lines: list[Line], depth: int) -> list[Item]:
        items: list[Item] = []
        position = 0
        while position < len(lines):
            if len(lines[position].indices) <= depth:
                items.append(lines[position])
                position += 1
                continue
            turns = _turns(lines, position, depth)
            for group in _split_repeats(turns, depth):
                items.extend(self._roll_repeat(group, depth))
            position += sum(len(turn) for turn in turns)
        return items

    def _roll_repeat(self, turns: list[list[Line]], depth: int) -> list[Item]:
        """Loops over the longest runs of turns that are alike."""
        items: list[Item] = []
        start = 0
        while start < len(turns):
            run = self._run(turns, start, depth)
            if run is None:
                items.extend(self.roll(turns[start], depth + 1))
                start += 1
            else:
                items.append(self._loop(run, depth))
                start += len(run.turns)
        return items

    def _run(self, turns: list[list[Line]], start: int, depth: int) -> _Run | None:
        """The turns from `start` on that are alike; None where there are fewer than two."""
        if start + 1 >= len(turns) or not _same_shape(turns[start], turns[start + 1], depth):
            return None
        before, here = _produced(turns[start]), _produced(turns[start + 1])
        pattern = _classify(turns[start + 1], here, before)
        initial = _initial_values(_classify(turns[start], before, {}), pattern)
        if initial is None or self._read_elsewhere(before, turns[start], turns[start + 1]):
            return None
        stop = start + 2
        while stop < len(turns) and _same_shape(turns[start], turns[stop], depth):
            if self._read_elsewhere(here, turns[stop - 1], turns[stop]):
                break
            before, here = here, _produced(turns[stop])
            if _classify(turns[stop], here, before) != pattern:
                here = before
                break
            stop += 1
        return _Run(turns[start:stop], pattern, initial)

    def _loop(self, run: _Run, depth: int) -> Loop:
        first = run.turns[0]
        for turn in run.turns[1:]:
            for mine, line in zip(first, turn, strict=True):
                mine.turns.extend(line.turns)
        order = list(_produced(first))
        phis = {i: Phi(self._fresh(), value, order[i]) for i, value in run.initial.items()}
        kinds = iter(run.pattern)
        for line in first:
            for place in range(len(line.tokens)):
                where, i = next(kinds)
                if where == _CARRIED:
                    line.tokens[place] = phis[i].value
        for value, i in _produced(run.turns[-1]).items():
            self.aliases[value] = order[i]
        start = first[0].indices[depth]
        body = self.roll(first, depth + 1)
        return Loop(body, list(phis.values()), start, start + len(run.turns), depth)

    def _read_elsewhere(self, values: dict[int, int], mine: list[Line], after: list[Line]) -> bool:
        """Whether a value of one turn is read by others than this turn and the next."""
        inside = {id(line) for line in (*mine, *after)}
        return any(
            value in self._outputs or self._readers.get(value, set()) - inside for value in values
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """Turns that are alike. `pattern` is what later turns read, piece by piece; `initial`
    what stands in the first one for results of the turn before."""

    turns: list[list[Line]]
    pattern: list[_Kind]
    initial: dict[int, int]


_LOCAL, _CARRIED, _OUTER = "<local>", "<carried>", "<outer>"


def _turns(lines: list[Line], position: int, depth: int) -> list[list[Line]]:
    """The lines from here on that stand in a repeat of this depth, cut into turns."""
    turns: list[list[Line]] = []
    outer = lines[position].indices[:depth]
    for line in lines[position:]:
        if len(line.indices) <= depth or line.indices[:depth] != outer:
            break
        if turns and turns[-1][0].indices[depth] == line.indices[depth]:
            turns[-1].append(line)
        else:
            turns.append([line])
    return turns


def _split_repeats(turns: list[list[Line]], depth: int) -> list[list[list[Line]]]:
    """Repeats that follow each other: a new one starts where the number falls, or, within
    a turn, where the names change for good."""
    groups: list[list[list[Line]]] = []
    for turn in turns:
        if groups and groups[-1][-1][0].indices[depth] + 1 == turn[0].indices[depth]:
            before = groups[-1][-1]
            stems = {line.stem for line in turn}
            if len(groups[-1]) == 1 and before[0].stem not in stems:
                # `repeat 1 { a }` ended within this turn: `a.0, b.0 | b.1`.
                cut = next((i for i, line in enumerate(before) if line.stem in stems), None)
                if cut is None:
                    groups.append([turn])
                    continue
                groups[-1] = [before[:cut]]
                groups.append([before[cut:]])
            groups[-1].append(turn)
        else:
            groups.append([turn])
    return groups


def _same_shape(a: list[Line], b: list[Line], depth: int) -> bool:
    return len(a) == len(b) and all(
        x.stem == y.stem
        and x.indices[depth + 1 :] == y.indices[depth + 1 :]
        and x.module == y.module
        and len(x.results) == len(y.results)
        and len(x.tokens) == len(y.tokens)
        for x, y in zip(a, b, strict=True)
    )


def _produced(turn: list[Line]) -> dict[int, int]:
    """The results of a turn, each with its place."""
    return {value: i for i, value in enumerate(v for line in turn for v in line.results)}


def _classify(turn: list[Line], mine: dict[int, int], before: dict[int, int]) -> list[_Kind]:
    """Each piece of a turn's text, with values by where they come from: `mine` are this
    turn's results, `before` those of the turn before."""
    kinds: list[_Kind] = []
    for line in turn:
        for token in line.tokens:
            if isinstance(token, str):
                kinds.append((token, -1))
            elif token in mine:
                kinds.append((_LOCAL, mine[token]))
            elif token in before:
                kinds.append((_CARRIED, before[token]))
            else:
                kinds.append((_OUTER, token))
    return kinds


def _initial_values(first: list[_Kind], pattern: list[_Kind]) -> dict[int, int] | None:
    """What stands in the first turn where later ones read the turn before; None where the
    first turn is not like the others."""
    initial: dict[int, int] = {}
    for mine, other in zip(first, pattern, strict=True):
        if other[0] == _CARRIED and mine[0] == _OUTER:
            if initial.setdefault(other[1], mine[1]) != mine[1]:
                return None
        elif mine != other:
            return None
    return initial
