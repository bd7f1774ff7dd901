"""What differs between two networks, layer by layer: added, removed, renamed, changed.

Layers are matched in this order: those that are alike in all, and called alike where the author
named them, in the order of execution; what lies between two such by its arguments, its path and
kind; by what it is, under another name; by its kind alone. So an inserted layer moves none of the
others, though it renumbers those without a name, and a renamed layer is one that is renamed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import SequenceMatcher
from typing import Any

from dlc.compiler.analysis.flat import Flat, Layer, flatten
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.literal_text import write_component, write_value
from dlc.compiler.record import record

#: A property of a layer with its text on either side; None where only the other has it.
Property = tuple[str, str | None, str | None]


@record
class LayerChange:
    """A layer that differs. `before` and `after` are its paths, None where it is only on the
    other side; `text` is the layer as it is written, `shape` that of its first result; of a
    layer on both sides `differences` are its properties that differ."""

    before: str | None
    after: str | None
    kind: str
    text: str
    shape: str
    differences: tuple[Property, ...] = ()

    @property
    def change(self) -> str:
        """`added`, `removed`, `changed`, or `renamed` where nothing but the path differs."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.differences else "renamed"

    @property
    def path(self) -> str:
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "change": self.change,
            "before": self.before,
            "after": self.after,
            "kind": self.kind,
            "layer": self.text,
            "shape": self.shape,
            "differences": {name: [old, new] for name, old, new in self.differences},
        }


@record
class NetworkChange:
    """`layers` are the changes in the order of execution, `same` counts layers that are alike
    in all, and `outputs` are what the network gives, by name, where that differs."""

    layers: tuple[LayerChange, ...]
    same: int
    outputs: tuple[Property, ...]

    @property
    def is_none(self) -> bool:
        return not self.layers and not self.outputs


def layer_changes(before: Program, after: Program) -> NetworkChange:
    """What the layers of `after` are to those of `before`."""
    sides = _Side(flatten(before)), _Side(flatten(after))
    pairs = _match(*sides)
    comparison = _Comparison(sides, pairs)
    changes = tuple(comparison.changes())
    return NetworkChange(
        layers=changes,
        same=len(pairs) - sum(1 for c in changes if c.before is not None and c.after is not None),
        outputs=tuple(comparison.outputs()),
    )


class _Side:
    """One of the networks, with what its layers are compared by."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.layers = flat.layers
        self.made_by = {
            value: (place, index)
            for place, layer in enumerate(flat.layers)
            for index, value in enumerate(layer.outputs)
        }
        self.structure = [self._structure(layer) for layer in flat.layers]

    def _structure(self, layer: Layer) -> Hashable:
        """All that a layer is, but for its name and whom it reads."""
        types = self.flat.types
        return (
            layer.node.kind,
            write_component(layer.node.op),
            tuple(_start(p.initializer) for _, p in layer.parameters),
            tuple(str(types[value]) for value in (*layer.values, *layer.outputs)),
        )

    def token(self, place: int) -> Hashable:
        """The same with the name that the author gave."""
        node = self.layers[place].node
        return (node.name if node.named else "", self.structure[place])

    def written(self, place: int) -> Hashable:
        """The name that the author gave and the arguments, whatever comes in."""
        node = self.layers[place].node
        return (node.name if node.named else "", write_component(node.op))

    def paths(self) -> list[tuple[str, str]]:
        return [(layer.path, layer.node.kind) for layer in self.layers]


# ── which layer is which ─────────────────────────────────────────────────────


def _match(before: _Side, after: _Side) -> dict[int, int]:
    """Places of `after` by those of `before`."""
    if before.paths() == after.paths():
        return {place: place for place in range(len(before.layers))}
    matching = _Matching(before, after)
    ours, theirs = range(len(before.layers)), range(len(after.layers))
    matching.in_order(ours, theirs, before.token, after.token)
    for gap in [*_gaps(matching.pairs, len(ours), len(theirs))]:
        matching.in_order(*gap, before.written, after.written)
        matching.by_path(*gap)
        matching.in_order(*gap, before.structure.__getitem__, after.structure.__getitem__)
        matching.in_order(
            *gap, lambda k: before.layers[k].node.kind, lambda k: after.layers[k].node.kind
        )
    matching.by_path(ours, theirs)
    matching.by_name(ours, theirs)
    return matching.pairs


class _Matching:
    def __init__(self, before: _Side, after: _Side) -> None:
        self.before = before
        self.after = after
        self.pairs: dict[int, int] = {}
        self.taken: set[int] = set()

    def take(self, ours: int, theirs: int) -> None:
        self.pairs[ours] = theirs
        self.taken.add(theirs)

    def free(self, ours: Sequence[int], theirs: Sequence[int]) -> tuple[list[int], list[int]]:
        return [k for k in ours if k not in self.pairs], [k for k in theirs if k not in self.taken]

    def in_order(self, ours: Sequence[int], theirs: Sequence[int], token: Any, other: Any) -> None:
        """Those whose tokens are equal, as the longest runs of them have it."""
        left, right = self.free(ours, theirs)
        one, two = [token(k) for k in left], [other(k) for k in right]
        head = 0
        while head < min(len(one), len(two)) and one[head] == two[head]:
            self.take(left[head], right[head])
            head += 1
        tail = 0
        while tail < min(len(one), len(two)) - head and one[-1 - tail] == two[-1 - tail]:
            self.take(left[-1 - tail], right[-1 - tail])
            tail += 1
        # What is alike at both ends is most of it, and the search between takes the square.
        inner = SequenceMatcher(
            None, one[head : len(one) - tail], two[head : len(two) - tail], autojunk=False
        )
        for i, j, size in inner.get_matching_blocks():
            for k in range(size):
                self.take(left[head + i + k], right[head + j + k])

    def by_path(self, ours: Sequence[int], theirs: Sequence[int]) -> None:
        left, right = self.free(ours, theirs)
        places = {(self.after.layers[k].path, self.after.layers[k].node.kind): k for k in right}
        for k in left:
            layer = self.before.layers[k]
            found = places.get((layer.path, layer.node.kind))
            if found is not None:
                self.take(k, found)

    def by_name(self, ours: Sequence[int], theirs: Sequence[int]) -> None:
        """Layers of other kinds under one name of the author's; without one, a name says only
        the kind."""
        left, right = self.free(ours, theirs)
        named = {self.after.layers[k].path: k for k in right if self.after.layers[k].node.named}
        for k in left:
            layer = self.before.layers[k]
            if layer.node.named and layer.path in named:
                self.take(k, named[layer.path])


def _gaps(pairs: Mapping[int, int], ours: int, theirs: int) -> Iterator[tuple[range, range]]:
    """The stretches between layers that are matched in order, on either side."""
    i = j = 0
    for place in [*sorted(pairs), ours]:
        other = pairs.get(place, theirs)
        if place > i or other > j:
            yield range(i, place), range(j, other)
        i, j = place + 1, other + 1


# ── what differs of two that are one ─────────────────────────────────────────


class _Comparison:
    def __init__(self, sides: tuple[_Side, _Side], pairs: Mapping[int, int]) -> None:
        self.before, self.after = sides
        self.pairs = pairs
        self.matched = frozenset(pairs.values())
        self.renamed = {
            self.before.layers[one].path: self.after.layers[other].path
            for one, other in pairs.items()
        }

    def changes(self) -> Iterator[LayerChange]:
        """In the order of the first network, what is new behind the layer it follows."""
        back = {other: one for one, other in self.pairs.items()}
        new: dict[int, list[int]] = {}
        last = -1
        for place in range(len(self.after.layers)):
            if place in back:
                last = back[place]
            else:
                new.setdefault(last, []).append(place)
        yield from map(self._added, new.get(-1, ()))
        for place, layer in enumerate(self.before.layers):
            other = self.pairs.get(place)
            if other is None:
                yield LayerChange(layer.path, None, *_facts(self.before, layer))
            else:
                yield from self._pair(layer, self.after.layers[other])
            yield from map(self._added, new.get(place, ()))

    def _added(self, place: int) -> LayerChange:
        layer = self.after.layers[place]
        return LayerChange(None, layer.path, *_facts(self.after, layer))

    def _pair(self, one: Layer, other: Layer) -> Iterator[LayerChange]:
        differences = (
            *_different("kind", one.node.kind, other.node.kind),
            *_properties(_arguments(one), _arguments(other)),
            *_properties(_starts(one), _starts(other)),
            *_different("reads", *self._reads(one, other)),
            *_properties(self._lent(one), _lent(other)),
            *_different("shape", *self._shapes(one, other)),
            *_different("parameters", *map(_count, (one, other))),
        )
        if differences or one.path != other.path:
            yield LayerChange(one.path, other.path, *_facts(self.after, other), differences)

    def _shapes(self, one: Layer, other: Layer) -> Iterator[str]:
        for side, layer in ((self.before, one), (self.after, other)):
            yield ", ".join(str(side.flat.types[value]) for value in layer.outputs)

    def _reads(self, one: Layer, other: Layer) -> tuple[str | None, str | None]:
        """What two layers read, where that is not the same: what was taken out or put between
        hands on what it reads itself."""
        ours = [self._source(value, old=True) for value in one.values]
        theirs = [self._source(value, old=False) for value in other.values]
        if ours == theirs:
            return None, None
        return ", ".join(self._names(one, old=True)), ", ".join(self._names(other, old=False))

    def _source(self, value: str, *, old: bool) -> tuple[str, int]:
        side = self.before if old else self.after
        while value in side.made_by:
            place, index = side.made_by[value]
            if place in (self.pairs if old else self.matched):
                path = side.layers[place].path
                return self.renamed[path] if old else path, index
            if not side.layers[place].values:
                return side.layers[place].path, index
            value = side.layers[place].values[0]
        return value, -1

    def _names(self, layer: Layer, *, old: bool) -> Iterator[str]:
        side = self.before if old else self.after
        for value in layer.values:
            made = side.made_by.get(value)
            yield value if made is None else side.layers[made[0]].path

    def _lent(self, layer: Layer) -> dict[str, str]:
        """The parameters of another layer, by the names that are those of the second network."""
        found = {}
        for name, key in _lent(layer).items():
            owner, _, own = key.rpartition(".")
            found[name] = f"{self.renamed.get(owner, owner)}.{own}"
        return found

    def outputs(self) -> Iterator[Property]:
        one, other = self.before.flat, self.after.flat
        for name in dict.fromkeys((*one.outputs, *other.outputs)):
            types = [
                str(flat.types[flat.outputs[name]]) if name in flat.outputs else None
                for flat in (one, other)
            ]
            yield from _different(name, *types)
            if None in types:
                continue
            sources = [
                self._source(flat.outputs[name], old=old)
                for flat, old in ((one, True), (other, False))
            ]
            if sources[0] != sources[1]:
                yield name, f"of {sources[0][0]}", f"of {sources[1][0]}"


def _facts(side: _Side, layer: Layer) -> tuple[str, str, str]:
    shape = str(side.flat.types[layer.outputs[0]]) if layer.outputs else ""
    return layer.node.kind, write_component(layer.node.op), shape


def _different(name: str, before: str | None, after: str | None) -> Iterator[Property]:
    if before != after:
        yield name, before, after


def _properties(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Property]:
    for name in dict.fromkeys((*before, *after)):
        yield from _different(name, before.get(name), after.get(name))


def _arguments(layer: Layer) -> dict[str, str]:
    op: Any = layer.node.op
    return {field.name: write_value(getattr(op, field.name)) for field in fields(op)}


def _starts(layer: Layer) -> dict[str, str]:
    return {f"init {p.name}": _start(p.initializer) for _, p in layer.parameters}


def _start(initializer: object | None) -> str:
    return "default" if initializer is None else write_value(initializer)


def _lent(layer: Layer) -> dict[str, str]:
    """By their names, the keys of parameters that lie in another layer."""
    return {
        f"shares {p.name}": key for key, p in layer.parameters if key != f"{layer.path}.{p.name}"
    }


def _count(layer: Layer) -> str:
    """The trainable numbers that a layer makes."""
    own = [p for key, p in layer.parameters if key == f"{layer.path}.{p.name}" and p.trainable]
    sizes = [p.elements for p in own]
    if all(isinstance(size, int) for size in sizes):
        return f"{sum(size for size in sizes if isinstance(size, int)):,}"
    return " + ".join(map(str, sizes))
