"""The rename language: whole prefixes, `*` for one segment, the first match."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.semantics.rename import Index, Meaning, Pattern, Rule, rules_of


def rule(key: str, meaning: Meaning) -> Rule:
    (found,) = rules_of([{key: meaning}])
    return found


def matches(pattern: str, name: str) -> bool:
    return bool(Index([rule(pattern, None)]).matching(name.split(".")))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("layer1", "layer1", True),
        ("layer1", "layer1.0.conv.weight", True),
        ("layer1", "layer10.weight", False),
        ("layer1.0", "layer1", False),
        ("layer1.*.conv", "layer1.3.conv.weight", True),
        ("layer1.*.conv", "layer1.conv.weight", False),
        ("layer1.*.conv", "layer1.0.1.conv", False),
        ("*.weight", "fc.weight", True),
        ("*.weight", "a.fc.weight", False),
        ("*", "anything.at.all", True),
        ("", "anything.at.all", True),
    ],
)
def test_a_pattern_is_whole_segments_from_the_front(
    pattern: str, name: str, expected: bool
) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("key", "target", "theirs", "ours"),
    [
        ("conv1", "stem.conv", "conv1.weight", "stem.conv.weight"),
        ("a.*.b.*", "*.x.*.y", "a.3.b.q.bias", "3.x.q.y.bias"),
        ("module", "", "module.fc.weight", "fc.weight"),
        ("*", "backbone.*", "fc.weight", "backbone.fc.weight"),
        ("", "backbone", "fc.weight", "backbone.fc.weight"),
        ("fc.weight", "head.kernel", "fc.weight", "head.kernel"),
    ],
)
def test_a_name_is_carried_over_with_what_the_wildcards_caught(
    key: str, target: str, theirs: str, ours: str
) -> None:
    assert rule(key, target).renamed(theirs.split(".")) == ours


def test_one_of_ours_names_its_sources_with_what_follows_the_key() -> None:
    joined = rule("b.*.in_proj", Rename(from_=("l.*.q", "l.*.k"), concat=0))
    assert joined.made_of(["b", "7", "in_proj", "bias"]) == ("l.7.q.bias", "l.7.k.bias")


@pytest.mark.parametrize(
    ("key", "meaning", "message", "in_value"),
    [
        ("a..b", "c", "empty segment", False),
        ("a.", "c", "empty segment", False),
        ("a", ".c", "empty segment", True),
        ("lay*", "c", "mixes `*`", False),
        ("a.*", "b", "has 1 `*` and `b` has no `*`", True),
        ("a", "b.*.*", "has no `*` and `b.*.*` has 2 `*`", True),
        ("a.*", Rename(from_=("b.*", "c"), concat=0), "has 1 `*` and `c` has no `*`", True),
        ("a", "~", "`~` is the name of no tensor", True),
    ],
)
def test_an_entry_that_cannot_be_done_is_refused(
    key: str, meaning: Meaning, message: str, in_value: bool
) -> None:
    with pytest.raises(DiagnosticError) as caught:
        rules_of([{key: meaning}])
    (found,) = caught.value.diagnostics
    assert found.code.number == "E0701"
    assert message in found.message
    assert found.help


def test_every_bad_entry_is_reported() -> None:
    with pytest.raises(DiagnosticError) as caught:
        rules_of([{"a*": "b", "ok": "fine"}, {"c": "d.*"}])
    assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    ("steps", "blame"),
    [
        (Rename(from_=()), "from"),
        (Rename(from_=("a", "b")), "from"),
        (Rename(from_=("a",), transpose=(0, 0)), "transpose"),
        (Rename(from_=("a",), transpose=(1, 2)), "transpose"),
        (Rename(from_=("a",), chunk=(3, 3)), "chunk"),
        (Rename(from_=("a",), chunk=(0, 0)), "chunk"),
    ],
    ids=repr,
)
def test_steps_that_mean_nothing_are_refused(steps: Rename, blame: str) -> None:
    with pytest.raises(ComponentError) as caught:
        steps.validate()
    assert (caught.value.code, caught.value.blame) == ("E0701", blame)
    assert caught.value.help


SEGMENTS = st.sampled_from(["a", "b", "0", "1", "w"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=5)
PATTERNS = st.lists(SEGMENTS | st.just("*"), max_size=4)


def begins(name: Sequence[str], pattern: Sequence[str]) -> bool:
    return len(pattern) <= len(name) and all(
        p in ("*", n) for p, n in zip(pattern, name, strict=False)
    )


@given(st.lists(PATTERNS, max_size=12), NAMES)
def test_the_index_finds_what_trying_each_rule_finds(
    patterns: list[list[str]], name: list[str]
) -> None:
    index = Index([Rule(Pattern(tuple(pattern))) for pattern in patterns])
    assert index.matching(name) == [i for i, p in enumerate(patterns) if begins(name, p)]


@given(PATTERNS, NAMES)
def test_filling_a_pattern_with_what_it_caught_gives_the_name_back(
    segments: list[str], name: list[str]
) -> None:
    pattern = Pattern(tuple(segments))
    if begins(name, segments):
        rest = name[len(segments) :]
        assert pattern.filled(pattern.caught(name), rest) == ".".join(name)
