"""Which tensors of a file fill which of ours."""

from __future__ import annotations

import pytest
from checking import check_file, compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from transfers import entries, network, planned, sources, stored

from dlc.compiler import Source, check
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.ir.types import DType
from dlc.compiler.semantics.rename import Pattern, Rule
from dlc.compiler.transfer.network import network_of
from dlc.compiler.transfer.plan import plan

OURS = {"stem.weight": (4, 3), "stem.bias": (4,), "head.weight": (2, 4)}


def test_equal_names_belong_together() -> None:
    found = planned(OURS, OURS)
    assert sources(found) == {name: (name,) for name in OURS}
    assert found.filled_elements == 12 + 4 + 8
    assert not found.unfilled
    assert not found.unused


def test_a_renamed_prefix_carries_all_below_it() -> None:
    theirs = {"conv.weight": (4, 3), "conv.bias": (4,), "head.weight": (2, 4)}
    found = planned(OURS, theirs, {"conv": "stem"})
    assert sources(found) == {
        "stem.weight": ("conv.weight",),
        "stem.bias": ("conv.bias",),
        "head.weight": ("head.weight",),
    }


def test_of_entries_that_match_a_name_the_first_counts() -> None:
    theirs = {"a.weight": (4, 3), "a.bias": (4,), "head.weight": (2, 4)}
    found = planned(OURS, theirs, {"a.bias": "stem.bias", "a": "other"})
    assert sources(found)["stem.bias"] == ("a.bias",)
    assert found.unused == ("a.weight",)


def test_of_tensors_for_one_of_ours_the_first_entry_wins() -> None:
    theirs = {"old.weight": (2, 4), "head.weight": (2, 4), "older.weight": (2, 4)}
    found = planned({"head.weight": (2, 4)}, theirs, {"old": "head", "older": "head"})
    assert sources(found) == {"head.weight": ("old.weight",)}
    assert found.unused == ("head.weight", "older.weight")


def test_null_leaves_out_theirs_and_ours() -> None:
    theirs = {**OURS, "head.weight": (1000, 4)}
    found = planned(OURS, theirs, {"head": None})
    assert found.left == ("head.weight",)
    assert found.dropped == ("head.weight",)
    assert not found.unfilled
    assert not found.misfits


@pytest.mark.parametrize(
    "rename",
    [
        [{"fc": None}, {"fc": "head"}],
        [{"head": None}, {"fc": "head"}],
        [{"fc": None, "head": None}, {"fc": "head"}],
    ],
)
def test_null_before_a_map_leaves_out_what_the_map_would_fill(
    rename: list[dict[str, str | None]],
) -> None:
    theirs = {"stem.weight": (4, 3), "stem.bias": (4,), "fc.weight": (1000, 4)}
    found = planned(OURS, theirs, *rename)
    assert found.left == ("head.weight",)
    assert found.dropped == ("fc.weight",)
    assert not found.misfits
    assert not found.idle


def test_null_behind_the_entry_that_fills_changes_nothing() -> None:
    theirs = {"old.weight": (2, 4), "head.weight": (9, 9)}
    found = planned({"head.weight": (2, 4)}, theirs, {"old": "head", "head": None})
    assert sources(found) == {"head.weight": ("old.weight",)}
    assert found.dropped == ("head.weight",)


def test_several_of_theirs_make_one_of_ours() -> None:
    theirs = {f"l.{i}.{k}.{p}": (4, 4) if p == "weight" else (4,)
              for i in range(2) for k in "qkv" for p in ("weight", "bias")}  # fmt: skip
    ours = {f"b.{i}.qkv.{p}": (12, 4) if p == "weight" else (12,)
            for i in range(2) for p in ("weight", "bias")}  # fmt: skip
    joined = Rename(from_=("l.*.q", "l.*.k", "l.*.v"), concat=0)
    found = planned(ours, theirs, {"b.*.qkv": joined})
    assert sources(found)["b.1.qkv.bias"] == ("l.1.q.bias", "l.1.k.bias", "l.1.v.bias")
    assert len(found.fills) == 4
    assert not found.unused


def test_one_of_theirs_makes_several_of_ours() -> None:
    ours = {"q.weight": (4, 4), "k.weight": (4, 4), "v.weight": (4, 4), "q.bias": (4,)}
    theirs = {"c_attn.weight": (4, 12), "c_attn.bias": (12,)}
    parts = {
        name: Rename(from_=("c_attn",), transpose=True, chunk=(index, 3))
        for index, name in enumerate("qkv")
    }
    found = planned(ours, theirs, parts)
    assert [*found.fills] == [*ours]
    assert not found.misfits
    assert not found.unused


def test_an_entry_without_any_of_its_sources_is_passed_over() -> None:
    made = Rename(from_=("q", "k"), concat=0)
    found = planned({"qk.weight": (8, 4)}, {"qk.weight": (8, 4)}, {"qk": made})
    assert sources(found) == {"qk.weight": ("qk.weight",)}
    assert [idle.rule.steps for idle in found.idle] == [made]


def test_an_entry_with_some_of_its_sources_is_incomplete() -> None:
    made = Rename(from_=("q", "k"), concat=0)
    found = planned({"qk.weight": (8, 4)}, {"q.weight": (4, 4)}, {"qk": made})
    assert not found.fills
    (fill,) = found.incomplete
    assert fill.missing == ("k.weight",)
    assert not found.unused
    assert not found.unfilled


TIED = network({"tok.weight": (9, 4)}, {"logits.weight": "tok.weight"})


def test_a_tied_weight_is_filled_under_either_name() -> None:
    assert sources(planned(TIED, {"tok.weight": (9, 4)})) == {"tok.weight": ("tok.weight",)}
    found = planned(TIED, {"logits.weight": (9, 4)})
    assert sources(found) == {"tok.weight": ("logits.weight",)}
    assert not found.unused


def test_a_tied_weight_that_the_file_has_twice_is_used_once_and_compared() -> None:
    found = planned(TIED, {"logits.weight": (9, 4), "tok.weight": (9, 4)})
    assert sources(found) == {"tok.weight": ("tok.weight",)}
    ((owner, twin),) = found.twins
    assert (owner, twin.name, twin.sources) == ("tok.weight", "logits.weight", ("logits.weight",))
    assert not found.unused


@pytest.mark.parametrize("key", ["tok", "logits"])
def test_a_tied_weight_is_left_out_under_either_name(key: str) -> None:
    found = planned(TIED, {f"{key}.weight": (9, 4)}, {key: None})
    assert found.left == ("tok.weight",)
    assert not found.fills
    assert not found.unfilled


def test_shapes_and_types_that_do_not_fit_are_misfits() -> None:
    net = network({"a.w": (2, 3), "b.n": (), "c.w": (2,), "d.w": (4,)}, n=DType.INT64)
    theirs = stored({"a.w": (3, 2), "b.n": (), "c.w": (2,), "x.q": (4,)}, n="I8", q="I8")
    found = plan(net, theirs, [Rule(Pattern(("x", "q")), target=Pattern(("d", "w")))])
    assert [*found.fills] == ["b.n", "c.w"]
    assert [(m.fill.name, m.shape, m.types) for m in found.misfits] == [
        ("a.w", (3, 2), False),
        ("d.w", (), True),
    ]
    assert not found.unfilled
    assert not found.unused


def test_rules_that_fill_nothing_are_told_unless_dlc_ships_them() -> None:
    theirs = {"a.weight": (4, 3), "b.weight": (2, 4)}
    found = planned(
        OURS,
        theirs,
        {"nope": "stem", "a": "stem", "b": "nowhere", "gone": None, "a.weight": "stem.weight"},
    )
    assert [(i.rule.pattern.text, i.theirs, i.ours, i.hidden) for i in found.idle] == [
        ("nope", 0, 0, 0),
        ("b", 1, 0, 0),
        ("gone", 0, 0, 0),
        ("a.weight", 0, 0, 1),
    ]


def test_the_tensors_of_a_program_are_those_of_its_layers() -> None:
    text = (
        "dlc 1\nblock B { linear(4) }\nmodel Net {\n  input t: int[N, T]\n"
        "  tok = t -> embedding(9, 4)\n  repeat 2 { B }\n"
        "  output logits = linear(9, weight=tok.weight)\n}\n"
    )
    net = network_of(compiled(check(Source("net.dlc", text, "dlc"))).program)
    assert {name: wanted.shape for name, wanted in net.tensors.items()} == {
        "tok.weight": (9, 4),
        "b.0.linear.weight": (4, 4),
        "b.0.linear.bias": (4,),
        "b.1.linear.weight": (4, 4),
        "b.1.linear.bias": (4,),
        "logits.bias": (9,),
    }
    assert net.tied == {"logits.weight": "tok.weight"}


def test_ties_inside_a_repeated_block_belong_to_their_turn(tmp_path: object) -> None:
    text = (
        "dlc 1\nblock B {\n  a = linear(8)\n  linear(8, weight=a.weight)\n}\n"
        "model Net {\n  input x: float[N, 8]\n  repeat 2 { B }\n  output y = linear(2)\n}\n"
    )
    net = network_of(compiled(check(Source("net.dlc", text, "dlc"))).program)
    assert net.tied == {
        "b.0.linear.weight": "b.0.a.weight",
        "b.1.linear.weight": "b.1.a.weight",
    }


NAMES = st.lists(st.sampled_from(["a", "b", "0", "w"]), min_size=1, max_size=3).map(".".join)
PREFIXES = st.lists(st.sampled_from(["a", "b", "0"]), max_size=2).map(lambda s: Pattern(tuple(s)))
SHAPES = st.sampled_from([(2,), (2, 3), (3, 2), (6,)])
RULES = st.one_of(
    st.builds(lambda key, to: Rule(key, target=to), PREFIXES, PREFIXES),
    st.builds(Rule, PREFIXES),
    st.builds(
        lambda key, sources, turn: Rule(
            key,
            sources=tuple(sources),
            steps=Rename(from_=("x",) * len(sources), concat=0, transpose=turn),
        ),
        PREFIXES,
        st.lists(PREFIXES, min_size=1, max_size=2),
        st.booleans(),
    ),
)


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(NAMES, SHAPES, max_size=6),
    st.dictionaries(NAMES, SHAPES, max_size=6),
    st.lists(RULES, max_size=4),
)
def test_every_tensor_on_either_side_is_accounted_for_once(
    ours: dict[str, tuple[int, ...]], theirs: dict[str, tuple[int, ...]], rules: list[Rule]
) -> None:
    found = plan(network(ours), stored(theirs), rules)
    bad = [m.fill.name for m in found.misfits] + [f.name for f in found.incomplete]
    told = [*found.fills, *found.left, *found.unfilled, *bad]
    assert sorted(told) == sorted(ours)
    used = {s for f in found.fills.values() for s in f.sources}
    used |= {s for m in found.misfits for s in m.fill.sources}
    used |= {s for f in found.incomplete for s in f.sources if s in theirs}
    assert sorted([*used, *found.unused, *found.dropped]) == sorted(theirs)
    assert all(source in theirs for fill in found.fills.values() for source in fill.sources)


def test_a_network_of_many_layers_is_planned_in_one_pass() -> None:
    count = 20_000
    ours = {f"block.{i}.fc.weight": (2, 2) for i in range(count)}
    theirs = {f"layer.{i}.dense.weight": (2, 2) for i in range(count)}
    rename = {f"layer.{i}.dense": f"block.{i}.fc" for i in range(0, count, 2)}
    found = planned(ours, theirs, rename, entries(), {"layer.*.dense": "block.*.fc"})
    assert len(found.fills) == count


def test_the_shipped_map_of_resnet18_names_all_of_it() -> None:
    from checking import SPECS

    from dlc.compiler.semantics.rename_maps import read_rules

    net = network_of(compiled(check_file(SPECS / "resnet18.yaml")).program)
    targets = [rule.target for rule in read_rules("torchvision/resnet18") if rule.target]
    for target in targets:
        assert any(
            len(name.split(".")) > len(target.segments)
            and all(p in ("*", n) for p, n in zip(target.segments, name.split("."), strict=False))
            for name in net.tensors
        ), target.text
