"""What a plan has to say, as diagnostics: at the entry of `rename`, else at `weights`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.semantics.rename import Rule
from dlc.compiler.source import Span
from dlc.compiler.syntax.strings import quote
from dlc.compiler.transfer.guess import entry_of, guess
from dlc.compiler.transfer.header import short
from dlc.compiler.transfer.plan import Fill, Idle, Misfit, Plan
from dlc.compiler.transfer.shapes import advice

_MOST_LISTED: Final = 6
_FIRST: Final = "of entries that match a name the first counts"

#: The name of a map that fits and how many of ours it fills; None where there is none.
FindMap = Callable[[Plan], tuple[str, int] | None]


def findings(
    plan: Plan, place: Span | None, file: str, find_map: FindMap | None = None
) -> tuple[Diagnostic, ...]:
    """The diagnostics of a plan. `place` is that of `weights` in the spec, `file` the name of
    the weights file as messages show it."""
    return tuple(_Findings(plan, place, file, find_map).all())


class _Findings:
    def __init__(self, plan: Plan, place: Span | None, file: str, find_map: FindMap | None) -> None:
        self.plan = plan
        self.place = place
        self.file = file
        self.find_map = find_map

    def all(self) -> Iterator[Diagnostic]:
        plan = self.plan
        yield from self._shapes()
        yield from self._steps()
        yield from self._types()
        yield from self._incomplete()
        broken = plan.misfits or plan.incomplete
        if not plan.fills and not broken and plan.unfilled and plan.network.tensors:
            yield self._nothing()
            return
        yield from map(self._idle, plan.idle)
        if plan.unfilled:
            yield self._unfilled()
        if plan.unused:
            yield self._unused()

    def _label(self, rule: Rule | None = None, text: str = "") -> Label | None:
        span = rule.span if rule is not None else None
        if span is None:
            span = self.place
        return Label(span, text) if span is not None else None

    # ── errors ───────────────────────────────────────────────────────────────

    def _shapes(self) -> Iterator[Diagnostic]:
        for misfits in _by_rule(m for m in self.plan.misfits if m.shape):
            first = misfits[0]
            told = [self._shape_text(misfit) for misfit in misfits[1:]]
            yield Diagnostic(
                code("E0702"),
                self._shape_text(first),
                self._label(first.fill.rule),
                notes=_also(told),
                help=self._shape_help(misfits),
            )

    def _shape_text(self, misfit: Misfit) -> str:
        fill, ours = misfit.fill, self.plan.network.tensors[self._owner(misfit.fill)]
        if fill.steps is not None:
            made = f"made of {_names(fill.sources)} comes to"
            return f"`{fill.name}` is {list(ours.shape)}, and what is {made} {list(misfit.shape)}"
        return (
            f"`{fill.name}` is {list(ours.shape)}, and `{short(fill.sources[0])}` of the file "
            f"is {list(misfit.shape)}"
        )

    def _shape_help(self, misfits: Sequence[Misfit]) -> str:
        first = misfits[0]
        fill, ours = first.fill, self.plan.network.tensors[self._owner(first.fill)].shape
        theirs = first.shape
        step = advice(theirs, ours)
        if step is not None:
            if fill.steps is not None:
                return f"add `{step}` to this entry"
            their_name, our_name = entry_of(_parent(fill.sources[0]), _parent(fill.name))
            entry = f"{_key(our_name)}: {{from: {_key(their_name)}, {step}}}"
            return f"if the file keeps it so: {_before(entry, fill.rule)}"
        if theirs[1:] == ours[1:] and fill.steps is None:
            layer = _parent(fill.sources[0])
            return "a head for another number of classes starts anew: leave it out, " + _before(
                f"{_key(layer)}: null", fill.rule
            )
        return "is it the same layer? what is to start anew is left out, " + _before(
            f"{_key(_parent(fill.sources[0]))}: null", fill.rule
        )

    def _steps(self) -> Iterator[Diagnostic]:
        for misfits in _by_rule(m for m in self.plan.misfits if m.reason):
            first = misfits[0]
            told = [f"`{misfit.fill.name}`: {misfit.reason}" for misfit in misfits[1:]]
            yield Diagnostic(
                code("E0702"),
                f"`{first.fill.name}` cannot be made of {_names(first.fill.sources)}: "
                f"{first.reason}",
                self._label(first.fill.rule),
                notes=_also(told),
                help="`dlc explain rename` tells what the steps do, and in which order",
            )

    def _types(self) -> Iterator[Diagnostic]:
        for misfits in _by_rule(m for m in self.plan.misfits if m.types):
            first = misfits[0]
            told = [self._type_text(misfit) for misfit in misfits[1:]]
            yield Diagnostic(
                code("E0705"),
                self._type_text(first),
                self._label(first.fill.rule),
                notes=_also(told),
                help="weights in whole numbers or 8 bits are quantized: take the file with "
                "the floats that they were made of",
            )

    def _type_text(self, misfit: Misfit) -> str:
        fill = misfit.fill
        ours = self.plan.network.tensors[self._owner(fill)]
        types = dict.fromkeys(self.plan.tensors[name].type_name for name in fill.sources)
        return (
            f"`{fill.name}` holds {ours.dtype.value}, which {' and '.join(types)} of "
            f"{_names(fill.sources)} cannot fill"
        )

    def _incomplete(self) -> Iterator[Diagnostic]:
        by_rule: dict[int, list[Fill]] = defaultdict(list)
        for fill in self.plan.incomplete:
            by_rule[id(fill.rule)].append(fill)
        for fills in by_rule.values():
            first = fills[0]
            yield Diagnostic(
                code("E0704"),
                f"`{first.name}` is made of {_names(first.sources)}, and the file has no "
                f"{_names(first.missing)}",
                self._label(first.rule),
                notes=_also([f"`{fill.name}`: no {_names(fill.missing)}" for fill in fills[1:]]),
                help="is the name spelt as in the file? `dlc transfer` lists its tensors",
            )

    def _nothing(self) -> Diagnostic:
        plan = self.plan
        notes: tuple[str, ...] = (
            f"the file has {_sample(plan.tensors)}",
            f"the network has {_sample(plan.unfilled)}",
        )
        if not plan.tensors:
            notes = ("the file holds no tensors",)
        return Diagnostic(
            code("E0703"),
            f"no tensor of `{self.file}` fills a parameter of `{plan.network.name}`",
            self._label(),
            notes=notes,
            help=self._advice()
            or 'say in `rename` which names belong together: `{"theirs": "ours"}`',
        )

    def _advice(self) -> str | None:
        """A map that fits, or entries that would."""
        plan = self.plan
        fitting = self.find_map(plan) if self.find_map is not None else None
        if fitting is not None:
            name, count = fitting
            return f"`rename: {name}` fills {count} of {len(plan.network.tensors)}"
        entries = guess(plan.network, plan.unfilled, plan.tensors, plan.unused)
        if not entries:
            return None
        shown = ", ".join(f"{_key(theirs)}: {_key(ours)}" for theirs, ours in entries)
        return f"these go by shape and name: `rename: {{{shown}}}`"

    # ── warnings ─────────────────────────────────────────────────────────────

    def _idle(self, idle: Idle) -> Diagnostic:
        message, help = self._idle_text(idle)
        return Diagnostic(code("W0703"), message, self._label(idle.rule), help=help)

    def _idle_text(self, idle: Idle) -> tuple[str, str | None]:
        """What is the matter with an entry that fills nothing, and what to do."""
        rule, key = idle.rule, idle.rule.pattern.text
        if idle.hidden and not idle.theirs:
            return f"an entry further up takes all that the file has below `{key}`", _FIRST
        if rule.leaves_out:
            return f"neither the file nor the network has anything below `{key}`", None
        if rule.target is None:
            if not idle.ours:
                help = "an entry with `from` has the name of ours as its key"
                return f"the network has nothing below `{key}`", help
            if not idle.theirs:
                sources = _names(source.text for source in rule.sources)
                return f"the file has nothing below {sources}", None
            return f"an entry further up fills what the network has below `{key}`", _FIRST
        ours = rule.target.text
        if not idle.theirs:
            turned = any(_under(rule, name) for name in self.plan.network.tensors)
            help = "the key is the name in the file, the value the name in this network"
            return f"the file has nothing below `{key}`", help if turned else None
        if not idle.ours:
            return (
                f"`{key}` matches {_counted(idle.theirs, 'tensor')} of the file, and the "
                f"network has nothing below `{ours}` with the same names",
                "`dlc transfer SPEC FILE --list` shows the names on both sides",
            )
        return f"an entry further up fills what the network has below `{ours}`", _FIRST

    def _unfilled(self) -> Diagnostic:
        plan = self.plan
        layers = roots(plan.unfilled, plan.network.tensors)
        verb = "starts" if len(plan.unfilled) == 1 else "start"
        return Diagnostic(
            code("W0701"),
            f"`{self.file}` has nothing for {len(plan.unfilled)} of "
            f"{len(plan.network.tensors)} parameters and buffers, which {verb} from `init`",
            self._label(),
            notes=(_roots_text(layers),),
            help=(self._advice() if plan.unused else None) or _left_out(layers),
        )

    def _unused(self) -> Diagnostic:
        plan = self.plan
        layers = roots(plan.unused, plan.tensors)
        verb = "goes" if len(plan.unused) == 1 else "go"
        return Diagnostic(
            code("W0702"),
            f"{len(plan.unused)} of {len(plan.tensors)} tensors in `{self.file}` {verb} nowhere",
            self._label(),
            notes=(_roots_text(layers),),
            help=_left_out(layers),
        )

    def _owner(self, fill: Fill) -> str:
        return self.plan.network.tied.get(fill.name, fill.name)


def _by_rule(misfits: Iterable[Misfit]) -> Iterable[list[Misfit]]:
    """Misfits of one entry are one finding."""
    found: dict[int, list[Misfit]] = defaultdict(list)
    for misfit in misfits:
        found[id(misfit.fill.rule)].append(misfit)
    return found.values()


def _also(told: Sequence[str]) -> tuple[str, ...]:
    rest = len(told) - _MOST_LISTED
    return (*told[:_MOST_LISTED], *((f"and {rest} more like these",) if rest > 0 else ()))


def roots(names: Sequence[str], every: Iterable[str]) -> dict[str, int]:
    """The shortest prefixes below which `every` has none but these names, each with how many."""
    mine = {*names}
    taken = {prefix for name in every if name not in mine for prefix in _prefixes(name)}
    found: Counter[str] = Counter()
    for name in names:
        found[next((p for p in _prefixes(name) if p not in taken), name)] += 1
    return dict(found)


def _prefixes(name: str) -> Iterator[str]:
    """`a`, `a.b`, `a.b.c` of `a.b.c`."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)
    yield name


def _roots_text(layers: Mapping[str, int]) -> str:
    shown = [
        f"`{short(name)}`" + (f" ({count} tensors)" if count > 1 else "")
        for name, count in islice(layers.items(), _MOST_LISTED)
    ]
    rest = len(layers) - len(shown)
    return ", ".join(shown) + (f", and {rest} more" if rest else "")


def _left_out(layers: Iterable[str]) -> str:
    entries = ", ".join(f"{_key(name)}: null" for name in islice(layers, 2))
    return f"where that is meant, say so: `rename: {{{entries}}}`"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{short(name)}`" for name in names)


def _sample(names: Iterable[str]) -> str:
    every = [*names]
    return _names(every[:3]) + (", ..." if len(every) > 3 else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _before(entry: str, rule: Rule | None) -> str:
    """An entry of `rename` that goes before a rule which does the wrong thing."""
    if rule is None:
        return f"`rename: {{{entry}}}`"
    if rule.origin.map:
        return f"`rename: [{{{entry}}}, {rule.origin.map}]`"
    return f"`rename: {{{entry}}}`, before this entry"


def _parent(name: str) -> str:
    return name.rpartition(".")[0] or name


def _under(rule: Rule, name: str) -> bool:
    segments = name.split(".")
    pattern = rule.pattern.segments
    return len(segments) >= len(pattern) and all(
        wanted in ("*", segment) for wanted, segment in zip(pattern, segments, strict=False)
    )


def _key(name: str) -> str:
    """A name as it stands in `rename`."""
    plain = name.replace(".", "").replace("_", "").isalnum() and name.isascii()
    return short(name) if plain and not name[0].isdigit() else quote(short(name))
