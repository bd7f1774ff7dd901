"""Guesses of what `rename` should say."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from transfers import network, planned, stored

from dlc.compiler.transfer.guess import entry_of, guess

Shapes = Mapping[str, tuple[int, ...]]


def guessed(ours: Shapes, theirs: Shapes, limit: int = 4) -> dict[str, str]:
    return dict(guess(network(ours), [*ours], stored(theirs), [*theirs], limit=limit))


BLOCKS = {
    f"layers.{i}.{name}.{leaf}": shape
    for i in range(3)
    for name, size in (("attn.q", 4), ("mlp.up", 8))
    for leaf, shape in (("weight", (size, 4)), ("bias", (size,)))
}


def test_a_prefix_too_many_is_taken_away() -> None:
    assert guessed(BLOCKS, {f"module.{name}": s for name, s in BLOCKS.items()}) == {"module": ""}


def test_a_prefix_too_few_is_added() -> None:
    ours = {f"net.{name}": shape for name, shape in BLOCKS.items()}
    assert guessed(ours, BLOCKS) == {"": "net"}


def test_what_ends_alike_is_left_out_of_the_entry() -> None:
    theirs = {name.replace("layers", "blocks"): shape for name, shape in BLOCKS.items()}
    assert guessed(BLOCKS, theirs) == {"blocks": "layers"}


def test_a_layer_is_known_by_shapes_that_only_it_has_in_every_block() -> None:
    theirs = {
        name.replace("attn.q", "self.query").replace("mlp.up", "dense"): shape
        for name, shape in BLOCKS.items()
    }
    assert guessed(BLOCKS, theirs) == {
        "layers.*.self.query": "layers.*.attn.q",
        "layers.*.dense": "layers.*.mlp.up",
    }


def test_nothing_is_guessed_where_several_could_be_meant() -> None:
    ours = {"a.weight": (4, 4), "b.weight": (4, 4)}
    assert guessed(ours, {"c.weight": (4, 4), "d.weight": (4, 4)}) == {}


def test_nothing_is_guessed_where_blocks_could_pair_in_any_order() -> None:
    ours = {f"block.{i}.attn.q.weight": (4, 4) for i in range(3)}
    theirs = {f"layers.layer_{i}.attn.q.weight": (4, 4) for i in (0, 1, 10)}
    assert guessed(ours, theirs) == {}


def test_nothing_is_guessed_against_the_shapes() -> None:
    assert guessed({"a.fc.weight": (4, 4)}, {"b.fc.weight": (4, 5)}) == {}


def test_the_sides_of_an_entry_generalize_equal_numbers_only() -> None:
    assert entry_of("h.3.fc", "b.3.up") == ("h.*.fc", "b.*.up")
    assert entry_of("h.3.fc", "b.4.up") == ("h.3.fc", "b.4.up")
    assert entry_of("fc", "up") == ("fc", "up")


NAMES = st.lists(st.sampled_from(["a", "b", "0", "1", "w"]), min_size=1, max_size=4).map(".".join)
SHAPES = st.sampled_from([(2,), (2, 3), (4,)])


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, SHAPES, max_size=8),
    st.dictionaries(NAMES, SHAPES, max_size=8),
)
def test_a_guess_fills_something_and_breaks_nothing(ours: Shapes, theirs: Shapes) -> None:
    before = planned(ours, theirs)
    if before.misfits:
        return
    found = dict(guess(before.network, before.unfilled, before.tensors, before.unused, limit=1))
    after = planned(ours, theirs, found)
    if found:
        assert set(after.fills) - set(before.fills)
