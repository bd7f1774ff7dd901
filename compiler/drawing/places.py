"""Where the elements of each row stand from left to right.

Wires that should be straight tie elements into chains, which move as one: the spine of a
network and the long way of a skip connection become vertical lines. Chains then take the
places that make the remaining wires short, without coming nearer than the drawing allows:
least squares under separation constraints, by moving a chain with all that it pushes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from dlc.compiler.drawing.layers import Element, Rows
from dlc.compiler.drawing.spines import ASKEW, Spines

_SWEEPS: Final = 24
_WORK: Final = 1_000_000  # comparisons after which a large drawing is left as it is
_BOX_GAP: Final = 26.0
_WIRE_GAP: Final = 12.0


@dataclass(eq=False, slots=True)
class Chain:
    """Elements that share one place. `shifts` are their distances from it."""

    members: list[Element] = field(default_factory=list)
    shifts: list[float] = field(default_factory=list)
    x: float = 0.0
    rank: int = 0
    pulls: list[tuple[Chain, float]] = field(default_factory=list)
    right: dict[Chain, float] = field(default_factory=dict)
    left: dict[Chain, float] = field(default_factory=dict)


def place(rows: Rows, spines: Spines) -> None:
    """Gives every element its x, so that nothing reaches to the left of 0."""
    _align(rows, spines)
    chains, chain_of = _chains(rows)
    _constrain(rows, chain_of)
    _pull(rows, chain_of)
    _start(chains)
    _relax(chains)
    for chain in chains:
        # Whole pixels draw sharp lines.
        at = float(round(chain.x))
        for element, shift in zip(chain.members, chain.shifts, strict=True):
            element.x = at + shift
    least = min((e.x - e.left for row in rows.rows for e in row), default=0.0)
    for row in rows.rows:
        for element in row:
            element.x -= least


# ── chains ───────────────────────────────────────────────────────────────────


def _align(rows: Rows, spines: Spines) -> None:
    """Marks the hops that are drawn as straight lines: no two that cross, and one above and
    one below each element."""
    straight: dict[Element, int] = {}  # how many hops above an element are straight
    for row in rows.rows:
        ranked = [(spines.rank(hop, straight), hop) for e in row for hop in e.below]
        taken: list[tuple[int, int]] = []
        starts: set[Element] = set()
        for _, hop in sorted((r for r in ranked if r[0] < ASKEW), key=lambda r: r[0]):
            if hop.upper in starts or hop.lower in straight:
                continue
            own = (hop.upper.order, hop.lower.order)
            at = bisect_left(taken, own)
            # What is taken does not cross, so that its lower ends are in order too.
            if at and taken[at - 1][1] > own[1]:
                continue
            if at < len(taken) and taken[at][1] < own[1]:
                continue
            hop.aligned = True
            taken.insert(at, own)
            starts.add(hop.upper)
            straight[hop.lower] = straight.get(hop.upper, 0) + 1


def _chains(rows: Rows) -> tuple[list[Chain], dict[Element, Chain]]:
    chains: list[Chain] = []
    chain_of: dict[Element, Chain] = {}
    for row in rows.rows:
        for element in row:
            hop = next((h for h in element.above if h.aligned), None)
            if hop is None:
                chain, shift = Chain(), 0.0
                chains.append(chain)
            else:
                chain = chain_of[hop.upper]
                at = chain.shifts[-1]  # the member in the row above is the last one
                shift = at + hop.out - hop.into
            chain.members.append(element)
            chain.shifts.append(shift)
            chain_of[element] = chain
    return chains, chain_of


def _shift_of(element: Element, chain: Chain) -> float:
    return chain.shifts[element.layer - chain.members[0].layer]


def _constrain(rows: Rows, chain_of: dict[Element, Chain]) -> None:
    for row in rows.rows:
        for a, b in pairwise(row):
            gap = _BOX_GAP if not a.passes and not b.passes else _WIRE_GAP
            first, second = chain_of[a], chain_of[b]
            least = a.right + gap + b.left + _shift_of(a, first) - _shift_of(b, second)
            first.right[second] = max(least, first.right.get(second, least))
            second.left[first] = first.right[second]


def _pull(rows: Rows, chain_of: dict[Element, Chain]) -> None:
    for hop in rows.hops:
        upper, lower = chain_of[hop.upper], chain_of[hop.lower]
        if upper is lower:
            continue
        wanted = _shift_of(hop.upper, upper) + hop.out - _shift_of(hop.lower, lower) - hop.into
        # lower.x - upper.x should be `wanted`
        lower.pulls.append((upper, wanted))
        upper.pulls.append((lower, -wanted))


# ── places ───────────────────────────────────────────────────────────────────


def _start(chains: list[Chain]) -> None:
    """As far left as the constraints allow."""
    waiting = {chain: len(chain.left) for chain in chains}
    for rank, chain in enumerate(chains):
        chain.rank = rank
    ready = [chain for chain in chains if not waiting[chain]]
    for chain in ready:
        chain.x = max(
            [other.x + least for other, least in chain.left.items()]
            or [max(e.left - s for e, s in zip(chain.members, chain.shifts, strict=True))]
        )
        for other in chain.right:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    assert len(ready) == len(chains), "chains that do not cross have an order"


def _relax(chains: list[Chain]) -> None:
    work = 0
    for sweep in range(_SWEEPS):
        moved = 0.0
        for chain in chains if sweep % 2 == 0 else reversed(chains):
            if not chain.pulls:
                continue
            distance, cost = _move(chain)
            moved = max(moved, abs(distance))
            work += cost
            if work > _WORK:
                return
        if moved < 0.25:
            return


def _move(chain: Chain) -> tuple[float, int]:
    """Moves a chain to where its wires are shortest, together with what it meets on the way.
    Gives how far it went, and the comparisons that took."""
    group: dict[Chain, None] = {chain: None}
    total = 0.0
    cost = 0
    direction = 0.0
    while True:
        weight = force = 0.0
        for member in group:
            for other, wanted in member.pulls:
                cost += 1
                if other not in group:
                    weight += 1
                    force += other.x + wanted - member.x
        step = force / weight if weight else 0.0
        if direction == 0.0:
            direction = 1.0 if step > 0 else -1.0
        if step * direction < 0.01:
            return total, cost
        room, met = _room(group, direction)
        cost += len(group)
        far = min(abs(step), room)
        for member in group:
            member.x += direction * far
        total += direction * far
        if far == abs(step) or not met or cost > _WORK:
            return total, cost
        group.update(dict.fromkeys(met))


def _room(group: dict[Chain, None], direction: float) -> tuple[float, list[Chain]]:
    """How far a group can go before it meets chains, and which."""
    room = float("inf")
    met: list[Chain] = []
    for member in group:
        for other, least in _neighbours(member, direction):
            if other in group:
                continue
            gap = max(0.0, (other.x - member.x) * direction - least)
            if gap < room - 1e-6:
                room, met = gap, [other]
            elif gap <= room + 1e-6:
                met.append(other)
    return room, met


def _neighbours(chain: Chain, direction: float) -> Iterator[tuple[Chain, float]]:
    yield from (chain.right if direction > 0 else chain.left).items()
