"""What `rename` could say for names that do not match: a guess for a help line.

Two things make an entry likely: names that end alike over several segments, and names of
which only one on either side has these shapes. What differs in front of the common end is
the entry, with numbers that agree taken as `*`. Entries are tried on all names; one that
brings different shapes together is dropped. A guess may still be wrong: it is shown, never
acted on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from dlc.compiler.semantics.rename import Pattern, Rule
from dlc.compiler.transfer.header import Stored
from dlc.compiler.transfer.network import Network

_Name: TypeAlias = tuple[str, ...]
_Entry: TypeAlias = tuple[_Name, _Name]
_Shapes: TypeAlias = Mapping[_Name, tuple[int, ...]]
_Pairs: TypeAlias = dict[_Name, _Name]

# What is looked at: more of it adds time and no better guess.
_MOST_NAMES = 3000
_MOST_PARTNERS = 60
_MOST_TRIED = 60


def guess(
    network: Network,
    unfilled: Iterable[str],
    tensors: Mapping[str, Stored],
    unused: Iterable[str],
    *,
    limit: int = 4,
) -> tuple[tuple[str, str], ...]:
    """Entries `theirs: ours` that would fill some of `unfilled` from `unused`: those that
    fill most, in an order in which none hides another."""
    ours = [tuple(name.split(".")) for name in islice(unfilled, _MOST_NAMES)]
    theirs = [tuple(name.split(".")) for name in islice(unused, _MOST_NAMES)]
    wanted = {name: network.tensors[".".join(name)].shape for name in ours}
    stored = {name: tensors[".".join(name)].shape for name in theirs}
    candidates = {*_alike_ends(wanted, stored), *_only_shapes(wanted, stored)}
    tried = {entry: _explained(entry, wanted, stored) for entry in candidates}
    found: list[tuple[str, str]] = []
    while len(found) < limit:
        entry = _likeliest(tried)
        if entry is None:
            break
        found.append((".".join(entry[0]), ".".join(entry[1])))
        taken = tried.pop(entry)
        ours_taken = {*taken.values()}
        for pairs in tried.values():
            for their in [t for t, o in pairs.items() if t in taken or o in ours_taken]:
                del pairs[their]
    return tuple(sorted(found, key=lambda entry: -entry[0].count(".")))


def _likeliest(tried: Mapping[_Entry, _Pairs]) -> _Entry | None:
    """The entry that brings most together and that none as good contradicts."""
    ranked = sorted(tried, key=lambda entry: (-len(tried[entry]), entry))
    for entry in ranked:
        pairs = tried[entry]
        if not pairs:
            break
        rivals = (tried[r] for r in ranked if r != entry and len(tried[r]) >= len(pairs))
        if not any(_contradicts(rival, pairs) for rival in rivals):
            return entry
    return None


def _contradicts(rival: _Pairs, pairs: _Pairs) -> bool:
    """Whether one tensor has two partners in two sets of pairs."""
    partners = {our: their for their, our in rival.items()}
    return any(
        rival.get(their, our) != our or partners.get(our, their) != their
        for their, our in pairs.items()
    )


def entry_of(theirs: str, ours: str) -> tuple[str, str]:
    """Two names as the two sides of an entry: numbers that agree as `*`."""
    left, right = _general(tuple(theirs.split(".")), tuple(ours.split(".")))
    return ".".join(left), ".".join(right)


def _alike_ends(wanted: _Shapes, stored: _Shapes) -> list[_Entry]:
    """Entries from names with two words in common at their ends, the likeliest first."""
    by_end: dict[object, list[_Name]] = defaultdict(list)
    for name, shape in stored.items():
        by_end[_end(name), shape].append(name)
    found: Counter[_Entry] = Counter()
    for our, shape in wanted.items():
        end = _end(our)
        for their in by_end.get((end, shape), ())[:_MOST_PARTNERS] if end else ():
            found[_entry(their, our)] += 1
    return [entry for entry, _ in found.most_common(_MOST_TRIED)]


def _end(name: _Name) -> _Name:
    """The last two words of a name, numbers apart; empty where it has but one."""
    words = [part for part in name if not part.isdigit()]
    return tuple(words[-2:]) if len(words) > 1 else ()


def _only_shapes(wanted: _Shapes, stored: _Shapes) -> list[_Entry]:
    """Entries from names of which, numbers as `*`, one on either side has these shapes."""
    ours, theirs = _by_shapes(wanted), _by_shapes(stored)
    return [
        _entry(theirs[key][0], names[0])
        for key, names in ours.items()
        if len(names) == 1 and len(theirs.get(key, ())) == 1
    ][:_MOST_TRIED]


def _by_shapes(shapes: _Shapes) -> dict[object, list[_Name]]:
    """One name of each pattern by its last word and the shapes that its numbers have."""
    patterns: dict[_Name, dict[_Name, tuple[int, ...]]] = defaultdict(dict)
    first: dict[_Name, _Name] = {}
    for name, shape in shapes.items():
        pattern = tuple("*" if part.isdigit() else part for part in name)
        patterns[pattern][tuple(part for part in name if part.isdigit())] = shape
        first.setdefault(pattern, name)
    found: dict[object, list[_Name]] = defaultdict(list)
    for pattern, having in patterns.items():
        found[pattern[-1], frozenset(having.items())].append(first[pattern])
    return found


def _entry(their: _Name, our: _Name) -> _Entry:
    """Two names without their common end, numbers that agree on both sides as `*`."""
    while their and our and their[-1] == our[-1]:
        their, our = their[:-1], our[:-1]
    return _general(their, our)


def _general(their: _Name, our: _Name) -> _Entry:
    """Two names with their numbers as `*`, if these are the same on both sides."""
    numbers = [part for part in their if part.isdigit()]
    if numbers and numbers == [part for part in our if part.isdigit()]:
        return (
            tuple("*" if part.isdigit() else part for part in their),
            tuple("*" if part.isdigit() else part for part in our),
        )
    return their, our


def _explained(entry: _Entry, wanted: _Shapes, stored: _Shapes) -> _Pairs:
    """What an entry brings together, theirs to ours; nothing where two of it differ in shape."""
    left, right = entry
    renames = Rule(Pattern(left), target=Pattern(right))
    pairs: dict[_Name, _Name] = {}
    for their, shape in stored.items():
        if not _begins(their, left):
            continue
        our = tuple(renames.renamed(their).split("."))
        if our in wanted:
            if wanted[our] != shape:
                return {}
            pairs[their] = our
    return pairs


def _begins(name: _Name, pattern: Sequence[str]) -> bool:
    return len(name) >= len(pattern) and all(
        wanted in ("*", segment) for wanted, segment in zip(pattern, name, strict=False)
    )
