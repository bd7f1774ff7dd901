"""Which wires of a drawing should be straight: the spine of a network, not its side ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dlc.compiler.drawing.layers import Element, Hop
from dlc.compiler.drawing.view import INPUT, OUTPUT, Scene

#: What a hop deserves: the first ones are made straight first, the last ones not at all.
SPINE: Final = 0
PASSAGE: Final = 1
END: Final = 2
ASKEW: Final = 3

_LOOKED: Final = 400  # boxes that are looked at to find where two branches part


class Spines:
    """How the boxes of a scene hang together. `rank` tells how much a hop deserves to be
    straight."""

    def __init__(self, scene: Scene) -> None:
        count = len(scene.boxes)
        self._scene = scene
        self._makers: list[list[int]] = [[] for _ in range(count)]
        for wire in scene.wires:
            for end in wire.targets:
                self._makers[end.box].append(wire.source.box)
        # As bits: the inputs that a box depends on, the ends that depend on it.
        self._inputs = [0] * count
        self._ends = [0] * count
        for box in range(count):
            if scene.boxes[box].kind == INPUT:
                self._inputs[box] = 1 << box
            for maker in self._makers[box]:
                self._inputs[box] |= self._inputs[maker]
        for box in reversed(range(count)):
            self._ends[box] = self._ends[box] or 1 << box
            for maker in self._makers[box]:
                self._ends[maker] |= self._ends[box]

    def rank(self, hop: Hop, straight: Mapping[Element, int]) -> int:
        """What a hop deserves. `straight` tells how many hops above an element are straight.

        Towers that meet and heads that part stand side by side, and of three wires or more
        the middle one is straight; else a box stands below the one that its main value comes
        from.
        """
        upper, lower = hop.upper, hop.lower
        if not lower.passes:
            if not hop.free:
                # Ports have names: the first one, in the middle, is what the box is about.
                if hop.into:
                    return ASKEW
            elif len(lower.above) > 1 and hop is not self._main(lower.above, straight):
                return ASKEW
            if not upper.passes:
                boxes = [h for h in upper.below if not h.lower.passes]
                return ASKEW if self._parts(hop, boxes) else SPINE
        return PASSAGE if upper.passes and lower.passes else END

    def _main(self, hops: Sequence[Hop], straight: Mapping[Element, int]) -> Hop | None:
        """The one of several that arrive which is to be straight, None where none is."""
        direct = [hop for hop in hops if not hop.upper.passes]
        if len(hops) > 2:
            if len(direct) == 1:
                return direct[0]
            ranked = sorted(hops, key=lambda hop: hop.upper.order)
            return ranked[len(ranked) // 2] if len(ranked) % 2 else None
        first, second = hops
        a, b = (self._scene.wires[hop.wire].source.box for hop in hops)
        if self._comes_from(b, a):
            return second
        if self._comes_from(a, b):
            return first
        mine, theirs = self._inputs[a], self._inputs[b]
        if not mine or not theirs:
            # What depends on no input, such as a learned tensor, stands aside.
            return first if mine or not theirs else second
        if self._scene.block:
            # The first port of a block is what flows through it.
            port = mine & -mine if mine & -mine < theirs & -theirs else theirs & -theirs
            if bool(mine & port) != bool(theirs & port):
                return first if mine & port else second
        if not mine & theirs:
            return None
        longer = straight.get(second.upper, 0) > straight.get(first.upper, 0)
        return second if longer else first

    def _comes_from(self, box: int, origin: int) -> bool:
        """Whether a box depends on another; True where finding out takes long, since then a
        long way lies between them."""
        seen = {box}
        waiting = [box]
        while waiting:
            for maker in self._makers[waiting.pop()]:
                if maker == origin:
                    return True
                if maker > origin and maker not in seen:
                    seen.add(maker)
                    waiting.append(maker)
            if len(seen) > _LOOKED:
                return True
        return False

    def _parts(self, hop: Hop, hops: Sequence[Hop]) -> bool:
        """Whether a hop is one of several that part and none of them, or another, is straight."""
        if len(hops) < 2:
            return False
        if len(hops) > 2:
            ranked = sorted(hops, key=lambda h: h.lower.order)
            return len(ranked) % 2 == 0 or hop is not ranked[len(ranked) // 2]
        boxes = [h.lower.box for h in hops]
        outputs = [self._scene.boxes[box].kind == OUTPUT for box in boxes]
        if outputs[0] != outputs[1]:
            return outputs[boxes.index(hop.lower.box)]  # the network goes on beside it
        return not self._ends[boxes[0]] & self._ends[boxes[1]]
