"""The rename language of `transfer`: which names of a weights file are which of ours.

An entry of `rename` says one of three things:

    theirs: ours             tensors of the file below `theirs` are ours below `ours`
    name: null               neither taken from the file nor filled here
    ours: {from: theirs}     ours below `ours` are made of theirs by joining, cutting, turning

Both sides are whole dotted prefixes. `*` stands for exactly one segment, and the segments
that the left side caught take the places of `*` on the right, in order. Of the entries that
match a name the first counts; a name that none matches keeps itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TypeAlias

from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.record import record
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

#: What an entry of `rename` may say for its key.
Meaning: TypeAlias = str | Rename | None

_ANY = "*"


@record
class Pattern:
    """A dotted prefix, empty for what begins every name."""

    segments: tuple[str, ...]

    @property
    def text(self) -> str:
        return ".".join(self.segments)

    @property
    def wildcards(self) -> int:
        return self.segments.count(_ANY)

    def caught(self, name: Sequence[str]) -> tuple[str, ...]:
        """What the wildcards stand for in a name that the pattern matches."""
        pairs = zip(self.segments, name, strict=False)
        return tuple(segment for wanted, segment in pairs if wanted == _ANY)

    def filled(self, caught: Sequence[str], rest: Sequence[str]) -> str:
        """The name with its wildcards filled and `rest` behind it."""
        values = iter(caught)
        own = (next(values) if segment == _ANY else segment for segment in self.segments)
        return ".".join((*own, *rest))


@record
class Origin:
    """Where a rule stands: the name of its map, empty for one that stands in the spec.

    A `shipped` map is dlc's own, and may speak of more than one variant of a network has.
    """

    map: str = ""
    shipped: bool = False


@record
class Rule:
    """One entry of `rename`.

    `target` is ours where the key is theirs; `sources` are theirs where the key is ours,
    with the `steps` to take; with neither, names below the key are left out. `span` is the
    key's place, None for a rule made in Python.
    """

    pattern: Pattern
    target: Pattern | None = None
    sources: tuple[Pattern, ...] = ()
    steps: Rename | None = None
    span: Span | None = field(default=None, compare=False, repr=False)
    origin: Origin = field(default=Origin(), compare=False, repr=False)

    @property
    def leaves_out(self) -> bool:
        return self.target is None and self.steps is None

    def renamed(self, name: Sequence[str]) -> str:
        """Our name for one of theirs that the rule matches."""
        assert self.target is not None
        rest = name[len(self.pattern.segments) :]
        return self.target.filled(self.pattern.caught(name), rest)

    def made_of(self, name: Sequence[str]) -> tuple[str, ...]:
        """Their names for one of ours that the rule matches."""
        caught, rest = self.pattern.caught(name), name[len(self.pattern.segments) :]
        return tuple(source.filled(caught, rest) for source in self.sources)


class Index:
    """Finds the rules that match a name, without trying each of them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._root = _Branch()
        for number, rule in enumerate(rules):
            branch = self._root
            for segment in rule.pattern.segments:
                branch = branch.below.setdefault(segment, _Branch())
            branch.numbers.append(number)

    def matching(self, name: Sequence[str]) -> list[int]:
        """The numbers of all rules whose pattern is a prefix of the name, ascending."""
        found = [*self._root.numbers]
        reached = [self._root]
        for segment in name:
            reached = [
                branch.below[key]
                for branch in reached
                for key in {segment, _ANY}
                if key in branch.below
            ]
            if not reached:
                break
            for branch in reached:
                found += branch.numbers
        return sorted(found)


class _Branch:
    """A segment of the patterns: what may follow, and the rules that end here."""

    __slots__ = ("below", "numbers")

    def __init__(self) -> None:
        self.below: dict[str, _Branch] = {}
        self.numbers: list[int] = []


def rules_of(
    parts: Iterable[Mapping[str, Meaning]],
    entries: Iterable[Sequence[tree.Entry]] | None = None,
    origins: Iterable[Origin] | None = None,
) -> tuple[Rule, ...]:
    """The rules of `rename`, in order. `entries` are the places and `origins` the maps, part
    by part.

    Raises `DiagnosticError` E0701 with every entry that says nothing that can be done.
    """
    rules: list[Rule] = []
    problems: list[Diagnostic] = []
    places = [*entries] if entries is not None else []
    known = [*origins] if origins is not None else []
    for number, part in enumerate(parts):
        at: Sequence[tree.Entry | None]
        at = places[number] if number < len(places) else [None] * len(part)
        for (key, meaning), entry in zip(part.items(), at, strict=True):
            try:
                origin = known[number] if number < len(known) else Origin()
                rules.append(_rule(key, meaning, entry, origin))
            except _BadRename as problem:
                span = None
                if entry is not None:
                    span = entry.value.span if problem.in_value else entry.key.span
                label = Label(span) if span is not None else None
                problems.append(
                    Diagnostic(code("E0701"), problem.message, label, help=problem.help)
                )
    if problems:
        raise DiagnosticError(*problems)
    return tuple(rules)


class _BadRename(Exception):
    def __init__(self, message: str, help: str, *, in_value: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.in_value = in_value


def _rule(key: str, meaning: Meaning, entry: tree.Entry | None, origin: Origin) -> Rule:
    pattern = _pattern(key, in_value=False)
    span = entry.key.span if entry is not None else None
    if meaning is None:
        return Rule(pattern, span=span, origin=origin)
    names = meaning.from_ if isinstance(meaning, Rename) else (meaning,)
    others = tuple(_pattern(name, in_value=True) for name in names)
    for other in others:
        if other.wildcards != pattern.wildcards:
            raise _BadRename(
                f"`{key}` has {_counted(pattern.wildcards)} and `{other.text}` has "
                f"{_counted(other.wildcards)}",
                "each `*` on one side is put where the `*` of the same number is on the other",
                in_value=True,
            )
    if isinstance(meaning, Rename):
        return Rule(pattern, sources=others, steps=meaning, span=span, origin=origin)
    return Rule(pattern, target=others[0], span=span, origin=origin)


def _counted(wildcards: int) -> str:
    return "no `*`" if not wildcards else f"{wildcards} `*`"


def _pattern(text: str, *, in_value: bool) -> Pattern:
    if not text:
        return Pattern(())
    if text == "~":
        raise _BadRename(
            "`~` is the name of no tensor",
            "write `null` to leave out what is below the key",
            in_value=in_value,
        )
    segments = text.split(".")
    if not all(segments):
        raise _BadRename(
            f"`{text}` has an empty segment",
            "a name is its segments with one dot between two of them",
            in_value=in_value,
        )
    for segment in segments:
        if _ANY in segment and segment != _ANY:
            raise _BadRename(
                f"`{segment}` mixes `*` with other characters",
                "`*` stands for one whole segment, between two dots",
                in_value=in_value,
            )
    return Pattern(tuple(segments))


def entries_of(value: tree.Expr | None) -> Iterator[tuple[tree.Entry, ...]]:
    """The entries of each part of a bound `rename`; parts that are no mapping are left out."""
    for part in value.items if isinstance(value, tree.ListExpr) else ():
        if isinstance(part, tree.Mapping):
            yield part.entries
