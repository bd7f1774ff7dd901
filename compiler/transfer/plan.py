"""Which tensors of a weights file fill which of ours: decided on names, shapes and types.

Each of ours is filled by the first entry of `rename` that gives it something the file has;
behind all entries stands the rule that equal names belong together. A tensor that several
layers of ours share is filled once; what the file holds under its further names is a twin,
which must hold the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.ir.types import DType
from dlc.compiler.record import component
from dlc.compiler.semantics.rename import Index, Rule
from dlc.compiler.transfer.header import Stored
from dlc.compiler.transfer.network import Network, Wanted
from dlc.compiler.transfer.shapes import StepError, result


@component
class Fill:
    """One of ours (`name`, a further name where it is tied) from tensors of the file.

    `rule` is None where the names are equal. `missing` are those of `sources` that the file
    lacks: then nothing is filled.
    """

    name: str
    sources: tuple[str, ...]
    rule: Rule | None = None
    missing: tuple[str, ...] = ()

    @property
    def steps(self) -> Rename | None:
        return self.rule.steps if self.rule is not None else None


@component
class Misfit:
    """A fill that cannot be: `reason` says why a step fails, and is empty where the shape
    that the steps come to (`shape`) is not ours; `types` is for element types instead."""

    fill: Fill
    shape: tuple[int, ...] = ()
    reason: str = ""
    types: bool = False


@component
class Idle:
    """A rule that fills nothing: how many tensors of the file and of ours it matched, and how
    many of the file it would have, had no earlier entry matched them."""

    rule: Rule
    theirs: int
    ours: int
    hidden: int


@component
class Plan:
    """What goes where.

    `fills` are by our name; `twins` are further sources of one of ours, whose numbers must
    be the same. `left` and `dropped` are ours and theirs that a `null` leaves out;
    `unfilled` and `unused` those that nothing speaks of. With `misfits` or `incomplete`
    nothing can be loaded.
    """

    network: Network
    tensors: Mapping[str, Stored]
    fills: Mapping[str, Fill]
    twins: tuple[tuple[str, Fill], ...] = ()
    left: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    idle: tuple[Idle, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    incomplete: tuple[Fill, ...] = ()

    @property
    def filled_elements(self) -> int:
        return sum(self.network.tensors[name].elements for name in self.fills)


def plan(network: Network, tensors: Mapping[str, Stored], rules: Sequence[Rule]) -> Plan:
    """Decides what of a file fills what of a network."""
    return _Planner(network, tensors, rules).plan()


@dataclass(slots=True)
class _Tally:
    """What a rule has matched so far; `excused` where a `null` is why it fills nothing."""

    theirs: int = 0
    ours: int = 0
    hidden: int = 0
    fills: int = 0
    excused: bool = False


@dataclass(slots=True)
class _Planner:
    network: Network
    tensors: Mapping[str, Stored]
    rules: Sequence[Rule]
    index: Index = field(init=False)
    tallies: list[_Tally] = field(init=False)
    offers: dict[str, list[tuple[int, str]]] = field(init=False, default_factory=dict)
    dropped: dict[str, None] = field(init=False, default_factory=dict)
    left: dict[str, None] = field(init=False, default_factory=dict)
    meant: dict[str, None] = field(init=False, default_factory=dict)

    def plan(self) -> Plan:
        self.index = Index(self.rules)
        self.tallies = [_Tally() for _ in self.rules]
        for name in self.tensors:
            self._offer(name)
        chosen: dict[str, Fill] = {}
        for name in (*self.network.tensors, *self.network.tied):
            fill = self._choose(name)
            if fill is not None:
                chosen[name] = fill
        fills, twins = self._owned(chosen)
        every = (*fills.values(), *(twin for _, twin in twins))
        incomplete = tuple(fill for fill in every if fill.missing)
        misfits = tuple(self._misfits((*fills.items(), *twins)))
        used = {source for fill in every for source in fill.sources}
        bad = {misfit.fill.name for misfit in misfits}
        return Plan(
            network=self.network,
            tensors=self.tensors,
            fills={n: f for n, f in fills.items() if not f.missing and f.name not in bad},
            twins=tuple((n, f) for n, f in twins if not f.missing and f.name not in bad),
            left=tuple(self.left),
            unfilled=tuple(
                name for name in self.network.tensors if name not in fills and name not in self.left
            ),
            dropped=tuple(name for name in self.dropped if name not in used),
            unused=tuple(
                name for name in self.tensors if name not in used and name not in self.dropped
            ),
            idle=tuple(self._idle()),
            misfits=misfits,
            incomplete=incomplete,
        )

    # ── theirs ───────────────────────────────────────────────────────────────

    def _offer(self, theirs: str) -> None:
        """Notes which of ours a tensor of the file would fill by its name."""
        segments = theirs.split(".")
        matching = [n for n in self.index.matching(segments) if not self.rules[n].sources]
        for number in matching[1:]:
            self.tallies[number].hidden += 1
            self.tallies[number].excused |= self.rules[matching[0]].leaves_out
        if matching:
            self.tallies[matching[0]].theirs += 1
        renaming = next((n for n in matching if self.rules[n].target is not None), None)
        ours = theirs if renaming is None else self.rules[renaming].renamed(segments)
        if matching and self.rules[matching[0]].leaves_out:
            self.dropped[theirs] = None
            # Who leaves out theirs means ours too, where nothing else fills it.
            self.meant[ours] = None
            return
        at = len(self.rules) if renaming is None else renaming
        self.offers.setdefault(ours, []).append((at, theirs))

    # ── ours ─────────────────────────────────────────────────────────────────

    def _choose(self, ours: str) -> Fill | None:
        """The first rule that has something for one of ours; None where a `null` comes
        before it, or where there is none."""
        segments = ours.split(".")
        options: list[tuple[int, tuple[str, ...]]] = [
            (number, (theirs,)) for number, theirs in self.offers.get(ours, ())
        ]
        for number in {number for number, _ in options}:
            if number < len(self.rules):
                self.tallies[number].ours += 1
        for number in self.index.matching(segments):
            rule = self.rules[number]
            if rule.leaves_out:
                self.tallies[number].ours += 1
                options.append((number, ()))
            elif rule.sources:
                self.tallies[number].ours += 1
                sources = rule.made_of(segments)
                present = sum(source in self.tensors for source in sources)
                self.tallies[number].theirs += present
                if present:
                    options.append((number, sources))
        if not options:
            if ours in self.meant:
                self.left[ours] = None
            return None
        number, sources = min(options)
        if not sources:
            self.left[ours] = None
            self.dropped |= {theirs: None for _, theirs in self.offers.get(ours, ())}
            for other, _ in options:
                if other < len(self.rules):
                    self.tallies[other].excused = True
            return None
        if number == len(self.rules):
            return Fill(name=ours, sources=sources)
        self.tallies[number].fills += 1
        missing = tuple(source for source in sources if source not in self.tensors)
        return Fill(name=ours, sources=sources, rule=self.rules[number], missing=missing)

    def _owned(self, chosen: dict[str, Fill]) -> tuple[dict[str, Fill], list[tuple[str, Fill]]]:
        """The fill of each of ours, and what else claims to be one that is tied."""
        fills = {name: chosen[name] for name in self.network.tensors if name in chosen}
        twins: list[tuple[str, Fill]] = []
        for name, owner in self.network.tied.items():
            fill = chosen.get(name)
            if name in self.left and owner not in fills:
                self.left[owner] = None
            self.left.pop(name, None)
            if fill is None:
                continue
            if owner in self.left:
                self.dropped |= dict.fromkeys(fill.sources)
            elif owner not in fills:
                fills[owner] = fill
            elif fill.sources != fills[owner].sources or fill.steps != fills[owner].steps:
                twins.append((owner, fill))
        ordered = {name: fills[name] for name in self.network.tensors if name in fills}
        return ordered, twins

    # ── what does not fit ────────────────────────────────────────────────────

    def _misfits(self, fills: Iterable[tuple[str, Fill]]) -> Iterable[Misfit]:
        for owner, fill in fills:
            if fill.missing:
                continue
            wanted = self.network.tensors[owner]
            stored = [self.tensors[source] for source in fill.sources]
            if not all(takes(wanted, tensor) for tensor in stored):
                yield Misfit(fill=fill, types=True)
                continue
            try:
                shape = result([tensor.shape for tensor in stored], fill.steps, wanted.shape)
            except StepError as problem:
                yield Misfit(fill=fill, reason=str(problem))
                continue
            if shape != wanted.shape:
                yield Misfit(fill=fill, shape=shape)

    def _idle(self) -> Iterable[Idle]:
        for rule, tally in zip(self.rules, self.tallies, strict=True):
            used = tally.theirs or tally.ours if rule.leaves_out else tally.fills
            if not used and not tally.excused and not rule.origin.shipped:
                yield Idle(rule=rule, theirs=tally.theirs, ours=tally.ours, hidden=tally.hidden)


def takes(ours: Wanted, theirs: Stored) -> bool:
    """Whether the values of a stored tensor can be ours: any float for a float, a whole
    number for one that holds no smaller numbers, a flag for a flag."""
    if theirs.dtype is None:
        return False
    if ours.dtype.is_float:
        return theirs.dtype.is_float
    if ours.dtype.is_int:
        wide = theirs.dtype.bytes + (theirs.dtype is DType.UINT8 and ours.dtype is not DType.UINT8)
        return theirs.dtype.is_int and wide <= ours.dtype.bytes
    return ours.dtype is theirs.dtype
