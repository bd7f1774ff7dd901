"""What a misspelt or foreign word probably means.

Three sources, in this order: the same word in another spelling (`Conv2d`, `BatchNorm2d`),
the tables of words that people bring from Keras, TensorFlow and talk (`aliases.py`,
`advice.py`), and the nearest candidate by edit distance. Nothing is suggested beyond the
limit: a wrong hint costs more than none.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import NamedTuple

from dlc.compiler.diagnostics.advice import ADVICE
from dlc.compiler.diagnostics.aliases import ALIASES

# What the reader is told a kind is, where the kind's name is no noun.
_NOUNS = {
    "preprocess": "preprocess step",
    "postprocess": "postprocess step",
    "source": "data source",
    "average": "way to average weights",
}
_OWN_NAMES = ("name", "word")  # what is a name has none

# A file may declare any number of names, and misspell any number of them.
_MAX_CANDIDATES = 500
_MAX_LENGTH = 64  # longer words are no misspelling of ours, and distance is quadratic


class Suggestion(NamedTuple):
    """The word meant, where one is known, and the sentence for the help line.

    `reason` is empty only where nothing is known; advice without a replacement
    (`activation` in a call) has a reason and no word.
    """

    word: str | None
    reason: str


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, or None where none is near enough."""
    for candidate in ranked(word, candidates):
        return candidate
    return None


def ranked(word: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """All candidates near enough to `word`, the nearest first, ties by name.

    Equality but for case and separators comes first; then the Damerau-Levenshtein
    distance, at most a third of the word's length and at least 1.
    """
    if not 0 < len(word) <= _MAX_LENGTH:
        return ()
    folded, plain = word.casefold(), _squash(word)
    limit = max(len(word) // 3, 1)
    scored = []
    for candidate in islice(dict.fromkeys(candidates), _MAX_CANDIDATES):
        if candidate == word:
            continue
        if candidate.casefold() == folded:
            score = -2
        elif _squash(candidate) == plain and plain:
            score = -1
        else:
            score = _distance(folded, candidate.casefold(), limit)
        # A word of one or two letters is one edit away from every other one.
        if score <= limit and score < max(len(word), len(candidate)) - 1:
            scored.append((score, candidate))
    return tuple(candidate for _, candidate in sorted(scored))


def did_you_mean(word: str, candidates: Iterable[str], kind: str) -> Suggestion:
    """What to put on the help line where `word` is no known `kind`.

    `kind` is a component's kind ("op", "loss", "initializer", ...) or one of "argument",
    "key", "section", "type", "word", "layer", "name", "block"; the reader sees it as the noun.
    """
    known = dict.fromkeys(candidates)
    near = ranked(word, known)
    if near and _squash(near[0]) == _squash(word):
        return Suggestion(near[0], f"`{word}` is written `{near[0]}` here")
    for meant in _aliases(kind).get(_squash(word), ()):
        if meant in known and meant != word:
            return Suggestion(meant, f"`{word}` is `{meant}` here")
    advice = _advice(kind).get(_squash(word))
    if advice:
        return Suggestion(None, advice)
    if near:
        noun = _NOUNS.get(kind, kind)
        if kind in _OWN_NAMES:
            return Suggestion(near[0], f"there is a similar {noun}: `{near[0]}`")
        return Suggestion(
            near[0], f"there is {_article(noun)} {noun} with a similar name: `{near[0]}`"
        )
    return Suggestion(None, "")


def listed(candidates: Iterable[str], limit: int = 12) -> str:
    """ "`a`, `b`, `c`, and 3 more", for a help line where nothing is near."""
    names = sorted(set(candidates))
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}, and {len(names) - limit} more"


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _squash(word: str) -> str:
    """`BatchNorm2d`, `batch-norm2d` and `batch_norm2d` are one spelling."""
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")


@cache
def _aliases(kind: str) -> dict[str, tuple[str, ...]]:
    return {_squash(theirs): ours for theirs, ours in ALIASES.get(kind, {}).items()}


@cache
def _advice(kind: str) -> dict[str, str]:
    return {_squash(theirs): text for theirs, text in ADVICE.get(kind, {}).items()}


def _distance(a: str, b: str, limit: int) -> int:
    """Edits (insert, drop, change, swap neighbours) from `a` to `b`; past `limit`, limit + 1."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and min(before) > limit:
            return limit + 1
    return row[-1]
