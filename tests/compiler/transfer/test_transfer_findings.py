"""What is said of a file that does not fit, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from transfers import codes_of, found_in, network, planned, stored

from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.ir.types import DType
from dlc.compiler.semantics.rename import Origin, Pattern, Rule
from dlc.compiler.transfer.findings import findings, roots
from dlc.compiler.transfer.plan import plan

OURS = {"stem.weight": (4, 3), "stem.bias": (4,), "head.weight": (2, 4), "head.bias": (2,)}


def test_a_file_that_fits_is_not_spoken_of() -> None:
    assert codes_of(planned(OURS, OURS)) == []


def test_another_number_of_classes_is_told_once_with_how_to_leave_the_head_out() -> None:
    theirs = {**OURS, "head.weight": (1000, 4), "head.bias": (1000,)}
    (found,) = found_in(planned(OURS, theirs))
    assert found.code.number == "E0702"
    assert found.message == "`head.weight` is [2, 4], and `head.weight` of the file is [1000, 4]"
    assert found.notes == ("`head.bias` is [2], and `head.bias` of the file is [1000]",)
    assert found.help
    assert "`rename: {head: null}`" in found.help
    assert codes_of(planned(OURS, theirs, {"head": None})) == []


def test_with_a_map_what_is_left_out_stands_before_it() -> None:
    rule = Rule(
        Pattern(("fc",)), target=Pattern(("head",)), origin=Origin("torchvision/net", shipped=True)
    )
    theirs = stored({"stem.weight": (4, 3), "stem.bias": (4,), "fc.weight": (9, 4)})
    found = findings(plan(network(OURS), theirs, [rule]), None, "w")
    assert found[0].help
    assert "`rename: [{fc: null}, torchvision/net]`" in found[0].help


def test_a_matrix_the_other_way_round_is_told_with_the_entry_that_turns_it() -> None:
    ours = {f"h.{i}.mlp.linear.weight": (12, 4) for i in range(3)}
    theirs = {f"h.{i}.mlp.c_fc.weight": (4, 12) for i in range(3)}
    rename = {"h.*.mlp.c_fc": "h.*.mlp.linear"}
    (found,) = found_in(planned(ours, theirs, rename))
    assert found.help
    entry = '{"h.*.mlp.linear": {from: "h.*.mlp.c_fc", transpose: true}}'
    assert f"`rename: {entry}`, before this entry" in found.help
    turned = Rename(from_=("h.*.mlp.c_fc",), transpose=True)
    assert codes_of(planned(ours, theirs, {"h.*.mlp.linear": turned})) == []


def test_the_entry_for_equal_names_turns_no_more_than_is_wrong() -> None:
    (found,) = found_in(planned({"h.0.fc.weight": (12, 4)}, {"h.0.fc.weight": (4, 12)}))
    assert found.help
    assert '{"h.*.fc": {from: "h.*.fc", transpose: true}}' in found.help


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"transpose": (1, 0)}, "`transpose` orders 2 dims, and the tensor has 1"),
        ({"chunk": (0, 3)}, "cannot be cut into 3 equal parts"),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(steps: dict[str, Any], message: str) -> None:
    made = Rename(from_=("x",), **steps)
    (found,) = found_in(planned({"a.bias": (4,)}, {"x.bias": (4,)}, {"a": made}))
    assert found.code.number == "E0702"
    assert message in found.message


def test_what_is_made_in_another_shape_says_from_what() -> None:
    made = Rename(from_=("q", "k"), concat=0)
    (found,) = found_in(planned({"a": (9, 4)}, {"q": (4, 4), "k": (4, 4)}, {"a": made}))
    assert found.message == "`a` is [9, 4], and what is made of `q`, `k` comes to [8, 4]"


def test_quantized_weights_are_an_error() -> None:
    net = network({"a.w": (4,), "a.n": ()}, n=DType.INT64)
    (found,) = found_in(plan(net, stored({"a.w": (4,), "a.n": ()}, w="I8", n="I64"), []))
    assert found.code.number == "E0705"
    assert "`a.w` holds float32, which int8 of `a.w` cannot fill" in found.message


@pytest.mark.parametrize("code", ["BF16", "F32"])
def test_any_float_fills_a_float(code: str) -> None:
    net = network({"a.w": (4,)})
    assert codes_of(plan(net, stored({"a.w": (4,)}, w=code), [])) == []


def test_a_tensor_that_lacks_a_part_is_an_error() -> None:
    made = Rename(from_=("q", "k", "v"), concat=0)
    (found,) = found_in(planned({"a": (12, 4)}, {"q": (4, 4), "v": (4, 4)}, {"a": made}))
    assert found.code.number == "E0704"
    assert found.message == "`a` is made of `q`, `k`, `v`, and the file has no `k`"


def test_a_file_of_another_network_is_an_error_with_a_guess() -> None:
    theirs = {f"module.{name}": shape for name, shape in OURS.items()}
    (found,) = found_in(planned(OURS, theirs))
    assert found.code.number == "E0703"
    assert found.help == 'these go by shape and name: `rename: {module: ""}`'
    assert codes_of(planned(OURS, theirs, {"module": ""})) == []


def test_a_map_that_fits_goes_before_a_guess() -> None:
    found = planned(OURS, {"x": (4, 3)})
    (said,) = findings(found, None, "w", lambda _: ("torchvision/net", 4))
    assert said.help == "`rename: torchvision/net` fills 4 of 4"


def test_an_empty_file_says_so() -> None:
    (found,) = found_in(planned(OURS, {}))
    assert (found.code.number, found.notes) == ("E0703", ("the file holds no tensors",))


def test_what_is_left_on_either_side_is_a_warning_by_layer() -> None:
    ours = {**OURS, **{f"deep.{i}.w": (3,) for i in range(20)}}
    theirs = {**OURS, **{f"other.{i}.v": (5,) for i in range(9)}}
    unfilled, unused = found_in(planned(ours, theirs))
    assert (unfilled.code.number, unused.code.number) == ("W0701", "W0702")
    assert "nothing for 20 of 24 parameters and buffers, which start" in unfilled.message
    assert unfilled.notes == ("`deep` (20 tensors)",)
    assert unfilled.help == "where that is meant, say so: `rename: {deep: null}`"
    assert unused.message == "9 of 13 tensors in `w.safetensors` go nowhere"
    assert unused.help == "where that is meant, say so: `rename: {other: null}`"
    assert codes_of(planned(ours, theirs, {"deep": None, "other": None})) == []


def test_one_that_is_left_is_told_in_the_singular() -> None:
    unfilled, unused = found_in(planned({**OURS, "a": (1,)}, {**OURS, "b": (2,)}))
    assert "nothing for 1 of 5 parameters and buffers, which starts" in unfilled.message
    assert unused.message == "1 of 5 tensors in `w.safetensors` goes nowhere"


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"nope": "stem"}, "the file has nothing below `nope`"),
        ({"head": "nowhere"}, "`head` matches 2 tensors of the file, and the network has nothing"),
        ({"gone": None}, "neither the file nor the network has anything below `gone`"),
        ({"stem.*": "stem.*", "stem": "x"}, "an entry further up takes all that the file has"),
        ({"x": Rename(from_=("stem",))}, "the network has nothing below `x`"),
        ({"stem": Rename(from_=("x",))}, "the file has nothing below `x`"),
        (
            {"stem.*": "stem.*", "stem": Rename(from_=("head",))},
            "an entry further up fills what the network has below `stem`",
        ),
    ],
)
def test_an_entry_that_fills_nothing_says_why(rename: dict[str, Any], message: str) -> None:
    found = [d for d in found_in(planned(OURS, OURS, rename)) if d.code.number == "W0703"]
    assert len(found) == 1
    assert message in found[0].message


def test_an_entry_the_wrong_way_round_is_told_which_way_is_right() -> None:
    found = found_in(planned(OURS, {**OURS, "fc.weight": (1,)}, {"head": "fc"}))
    help = "`dlc transfer SPEC FILE --list` shows the names on both sides"
    assert help in [d.help for d in found if d.code.number == "W0703"]
    theirs = {"stem.weight": (4, 3), "stem.bias": (4,), "fc.weight": (2, 4), "fc.bias": (2,)}
    found = found_in(planned(OURS, theirs, {"head": "fc"}))
    said = next(d for d in found if d.code.number == "W0703")
    assert said.help == "the key is the name in the file, the value the name in this network"


def test_roots_are_the_shortest_prefixes_that_hold_nothing_else() -> None:
    every = ["a.x.w", "a.x.b", "a.y.w", "b", "c.d.w", "c.d.e.w"]
    assert roots(["a.x.w", "a.x.b"], every) == {"a.x": 2}
    assert roots(["a.x.w", "a.x.b", "a.y.w"], every) == {"a": 3}
    assert roots(["b", "c.d.w"], every) == {"b": 1, "c.d.w": 1}


def test_a_name_of_any_length_and_kind_makes_a_readable_message() -> None:
    name = "x" * 100_000 + "\x1b[31m"
    found = found_in(planned(OURS, {**OURS, name: (1,)}))
    assert all(len(text) < 1000 for d in found for text in (d.message, *d.notes, d.help or ""))
