"""From steps to a typed graph: repeats, conditions, residuals, flow, names, outputs."""

from __future__ import annotations

import pytest
from checking import (
    SPECS,
    check_file,
    check_net,
    check_yaml,
    compiled,
    errors,
    kinds,
    layers,
    only,
    type_of,
    underlined,
)

IMAGE = "x: float[N, 3, 8, 8]"
SEQUENCE = "x: float[N, T, 8]"
TWO = "x: float[N, 8]; z: float[N, 8]"


class TestRepeats:
    @pytest.mark.parametrize(
        ("repeat", "widths"),
        [
            ("repeat 2 { linear(5) }", [5, 5]),
            ("repeat 3 as i { linear(i + 1) }", [1, 2, 3]),
            ("repeat [4, 6] as w { linear(w) }", [4, 6]),
            ("repeat [4, 6] as i, w { linear(w + i) }", [4, 7]),
            ("repeat 2 as i, again { linear(1 + i + again) }", [1, 3]),
            ("repeat 2 as i { repeat 2 as j { linear(1 + i * 2 + j) } }", [1, 2, 3, 4]),
            ("repeat [[1, 2], [3]] as row { repeat row as w { linear(w) } }", [1, 2, 3]),
            ("repeat count as i { linear(count - i) }", [2, 1]),
            ("repeat 0 { linear(5) }", []),
            ("repeat [] as w { linear(w) }", []),
        ],
    )
    def test_a_repeat_runs_its_body_in_turn(self, repeat: str, widths: list[int]) -> None:
        result = check_net(f"{repeat}; output y = relu", head="param count = 2")
        graph = compiled(result).program.graph
        found = [graph.values[node.outputs[0]].shape[-1] for node in graph.nodes[:-1]]
        assert found == widths

    def test_each_turn_has_its_own_weights_and_name(self) -> None:
        result = check_net("repeat 2 { linear(8) -> relu }; linear(8); output y = relu")
        assert layers(result) == ["linear.0", "relu.0", "linear.1", "relu.1", "linear_2", "y"]
        assert compiled(result).program.parameter_count == 3 * 72

    def test_a_named_repeat_names_its_last_layer(self) -> None:
        result = check_net("h = repeat 2 { linear(8) -> relu }; output y = h -> tanh")
        assert layers(result) == ["linear.0", "h.0", "linear.1", "h.1", "y"]

    @pytest.mark.parametrize(
        ("head", "code", "place"),
        [
            ("repeat 1.5", "E0301", "1.5"),
            ("repeat -1", "E0301", "-1"),
            ("repeat true", "E0301", "true"),
            ("repeat N", "E0301", "N"),
            ("repeat x", "E0202", "x"),
            ("repeat 2 as a, b, c", "E0410", "c"),
        ],
    )
    def test_a_repeat_wants_a_count_or_a_list(self, head: str, code: str, place: str) -> None:
        found = only(check_net(f"{head} {{ relu }}; output y = relu"))
        assert (found.code.number, underlined(found)) == (code, place)

    def test_an_error_in_a_repeat_is_told_once(self) -> None:
        assert errors(check_net("repeat 50 { linear(0) }; output y = relu")) == ["E0302"]

    def test_an_output_of_every_turn_is_no_output(self) -> None:
        assert errors(check_net("repeat 2 { output z = linear(8) }; output y = relu")) == ["E0203"]

    def test_yaml_gives_the_names_of_a_repeat_as_one_or_a_list(self) -> None:
        text = (
            'dlc: 1\ninputs: {{x: "float[N, 8]"}}\nlayers:\n'
            "  - repeat: [3, 5]\n    as: {}\n    layers:\n      - linear: {}\n"
            "  - relu:\n    output: y\n"
        )
        assert type_of(check_yaml(text.format("w", "w")), "y") == "float[N, 5]"
        assert type_of(check_yaml(text.format("[i, w]", "w + i")), "y") == "float[N, 6]"


class TestConditions:
    def test_without_else_it_is_the_identity(self) -> None:
        assert kinds(check_net("if 1 == 2 { linear(3) }; output y = relu")) == ["relu"]

    def test_a_branch_not_taken_is_bound_but_not_computed(self) -> None:
        assert check_net("if 1 == 2 { linear(0) }; output y = relu").ok
        assert errors(check_net("if 1 == 2 { lineer(3) }; output y = relu")) == ["E0201"]

    def test_else_if_goes_on(self) -> None:
        body = "if k == 1 { relu } else if k == 2 { tanh } else { silu }; output y = linear(1)"
        found = [kinds(check_net(body, head=f"param k = {k}"))[0] for k in (1, 2, 3)]
        assert found == ["relu", "tanh", "silu"]

    @pytest.mark.parametrize("condition", ["3", "N", "1 == 1 and 2", '"yes"', "null"])
    def test_a_condition_is_true_or_false(self, condition: str) -> None:
        assert errors(check_net(f"if {condition} {{ relu }}; output y = relu")) == ["E0301"]


class TestResiduals:
    def test_without_a_shortcut_the_value_itself_is_added(self) -> None:
        result = check_net("residual { linear(8) }; output y = relu")
        assert layers(result) == ["linear", "add", "y"]
        assert compiled(result).program.graph.nodes[1].inputs == (("x", "linear"), ("other", "x"))

    def test_both_branches_start_from_the_same_value(self) -> None:
        result = check_net("residual { linear(9) } shortcut { linear(9) }; output y = relu")
        nodes = compiled(result).program.graph.nodes
        assert nodes[0].inputs == nodes[1].inputs == (("x", "x"),)

    def test_halving_convolutions_agree_with_their_shortcut_for_every_size(self) -> None:
        body = "conv2d(6, 3, stride=2, padding=1)"
        result = check_net(
            f"residual {{ {body}\n batch_norm2d }} shortcut {{ conv2d(6, 1, stride=2) }}; "
            "output y = relu",
            inputs="x: float[N, 3, H, W]",
        )
        assert type_of(result, "y") == "float[N, 6, (H + 1)//2, (W + 1)//2]"

    def test_a_clash_shows_both_ends_and_the_op_where_the_size_arose(self) -> None:
        found = only(
            check_net(
                "residual { conv2d(3, 3)\n batch_norm2d } shortcut { relu }; output y = relu",
                inputs="x: float[N, 3, 56, 56]",
            )
        )
        assert found.code.number == "E0402"
        assert underlined(found) == "residual"
        assert found.primary is not None
        assert found.primary.text == "[N, 3, 54, 54] + [N, 3, 56, 56]"
        places = {label.span.text: label.text for label in found.secondary}
        assert places == {
            "batch_norm2d": "the body's result is [N, 3, 54, 54]",
            "relu": "the shortcut is [N, 3, 56, 56]",
            "conv2d(3, 3)": "dim 2 became 54 here",
        }

    def test_a_clash_in_a_block_tells_the_way_there(self) -> None:
        head = (
            "block Inner(width: int) { residual { linear(width) } }\n"
            "block Outer(width: int) { Inner(width) }"
        )
        found = only(check_net("Outer(9); output y = relu", head=head))
        trail = [note for note in found.notes if note.startswith("in `")]
        assert [note.split(",")[0] for note in trail] == ["in `Inner`", "in `Outer`"]
        assert trail[0].endswith("net.dlc:3:27")
        assert trail[1].endswith("net.dlc:6:3")

    def test_sizes_that_may_differ_ask_for_their_range(self) -> None:
        found = only(
            check_net(
                "x -> residual { z -> conv1d(3, 1) }; output y = relu",
                inputs="x: float[N, 3, L]; z: float[N, 3, M]",
            )
        )
        assert found.code.number == "E0407"


class TestFlow:
    @pytest.mark.parametrize(
        ("expression", "found"),
        [
            ("x + z", ["add"]),
            ("x - z", ["sub"]),
            ("x * z / x", ["mul", "div"]),
            ("x * 0.5 + 1", ["mul", "add"]),
            ("1 - x", ["sub"]),
            ("2 ** x", ["pow"]),
            ("-x", ["neg"]),
            ("+x + z", ["add"]),
            ("x * (scale + 1)", ["mul"]),
            ("x + z * 2 - x", ["mul", "add", "sub"]),
        ],
    )
    def test_arithmetic_on_values_makes_layers(self, expression: str, found: list[str]) -> None:
        result = check_net(f"output y = {expression}", inputs=TWO, head="param scale = 2")
        assert kinds(result) == found
        assert layers(result)[-1] == "y"

    @pytest.mark.parametrize(
        ("expression", "code", "place"),
        [
            ("3", "E0216", "3"),
            ("x < 3", "E0307", "x < 3"),
            ("x // 2", "E0307", "x // 2"),
            ("x @ 2", "E0307", "x @ 2"),
            ("not x", "E0307", "not x"),
            ('x * "a"', "E0115", '"a"'),
            ("x * N", "E0403", "N"),
            ("x + q", "E0202", "q"),
            ("[x, z]", "E0410", "output y = [x, z]"),
            ("-" * 40 + "x", "E0110", "--------x"),
        ],
    )
    def test_what_does_not_flow(self, expression: str, code: str, place: str) -> None:
        found = only(check_net(f"output y = {expression}", inputs=TWO))
        assert (found.code.number, underlined(found)) == (code, place)

    @pytest.mark.parametrize("expression", ["1 - x", "1 / x", "2 ** x"])
    def test_a_number_on_the_left_stays_there(self, expression: str) -> None:
        op = compiled(check_net(f"output y = {expression}")).program.graph.nodes[0].op
        assert getattr(op, "reverse", None) is True

    def test_of_several_inputs_the_first_layer_says_which(self) -> None:
        found = only(check_net("output y = relu", inputs=TWO))
        assert found.code.number == "E0409"
        assert check_net("output y = x -> relu", inputs=TWO).diagnostics[0].code.number == "W0101"

    def test_sizes_stretch_only_where_they_are_the_number_one(self) -> None:
        def joined(a: str, b: str) -> list[str]:
            return errors(check_net("output y = x + z", inputs=f"x: float[{a}]; z: float[{b}]"))

        assert joined("N, 8", "N, 1") == []
        assert joined("N, 8", "8") == []
        assert joined("N, 8", "N, 9") == ["E0402"]
        assert joined("N, 8", "N, T") == ["E0407"]
        assert joined("N, A", "N, B") == ["E0407"]

    def test_a_declared_range_decides(self) -> None:
        assert errors(
            check_net("output y = x + z", inputs="x: float[N, A]; z: float[N, B]",
                      head="dim A = 1..4; dim B = 5..9")
        ) == ["E0402"]  # fmt: skip

    def test_several_results_have_several_names(self) -> None:
        result = check_net("out, h, c = lstm(4); output y = h", inputs=SEQUENCE)
        assert compiled(result).program.graph.nodes[0].outputs == ("out", "h", "c")
        assert type_of(result, "y") == "float[1, N, 4]"
        assert errors(check_net("a, b = relu; output y = a")) == ["E0410"]

    def test_second_results_never_take_the_name_of_another_layer(self) -> None:
        body = "repeat 2 { a, c = lstm(8) }; repeat 2 { c = relu }; output y = tanh"
        graph = compiled(check_net(body, inputs=SEQUENCE)).program.graph
        values = [value for node in graph.nodes for value in node.outputs]
        assert len(values) == len(set(values))
        assert graph.nodes[-1].inputs == (("x", "c_2.1"),)

    def test_outputs_of_a_block_are_its_results(self) -> None:
        head = "block B { output p = linear(3)\n output q = linear(4) }"
        result = check_net("a, b = B; output y = b; output z = a -> relu", head=head)
        assert (type_of(result, "y"), type_of(result, "z")) == ("float[N, 4]", "float[N, 3]")
        assert errors(check_net("a, b, c = B; output y = a", head=head)) == ["E0410"]

    def test_a_model_has_an_output(self) -> None:
        found = only(check_net("relu"))
        assert (found.code.number, underlined(found)) == ("E0411", "relu")


class TestSharing:
    def test_a_layer_lends_its_weight(self) -> None:
        result = check_net(
            "tok = embedding(10, 4); output y = linear(10, weight=tok.weight)", inputs="x: int[N]"
        )
        program = compiled(result).program
        assert [key for key, _ in program.parameters()] == ["tok.weight", "y.bias"]

    @pytest.mark.parametrize(
        ("shared", "code"),
        [
            ("linear(11, weight=tok.weight)", "E0402"),
            ("linear(10, weight=tok.bias)", "E0212"),
            ("linear(10, weight=tik.weight)", "E0212"),
            ("linear(10, weight=tok)", "E0216"),
            ("linear(10, weight=3)", "E0216"),
        ],
    )
    def test_what_cannot_be_lent(self, shared: str, code: str) -> None:
        result = check_net(f"tok = embedding(10, 4); output y = {shared}", inputs="x: int[N]")
        assert errors(result) == [code]

    def test_reuse_applies_a_layer_again(self) -> None:
        result = check_net("h = linear(8); tanh -> reuse(h); output y = relu")
        assert kinds(result) == ["linear", "tanh", "linear", "relu"]
        assert compiled(result).program.parameter_count == 72

    @pytest.mark.parametrize(
        ("reuse", "code"),
        [("reuse(hh)", "E0212"), ("reuse(3)", "E0303"), ("reuse()", "E0303"),
         ("reuse(h, size=4)", "E0205"), ("reuse(h, x=h)", "E0306"),
         ("linear(4) -> reuse(h)", "E0402")],
    )  # fmt: skip
    def test_what_cannot_be_applied_again(self, reuse: str, code: str) -> None:
        body = f"h = linear(8); {reuse}; output y = relu"
        assert errors(check_net(body)) == [code]


class TestSizes:
    def test_a_multiple_stays_one_through_halving(self) -> None:
        result = check_net(
            "max_pool1d(2) -> max_pool1d(2); shape(N, 3, H // 4); output y = relu",
            inputs="x: float[N, 3, H]",
            head="dim H = 4..64 step 4",
        )
        assert result.ok

    def test_a_derived_size_makes_its_part_free(self) -> None:
        result = check_net("shape(N, 4 * h); output y = relu", inputs="x: float[N, H]",
                           head="dim H = 4 * h")  # fmt: skip
        assert type_of(result, "y") == "float[N, 4*h]"

    @pytest.mark.parametrize("dim", ["5..1", "0..3", "4..9 step 4", "1.5..3", "1..9 step 0"])
    def test_a_range_holds_something(self, dim: str) -> None:
        assert errors(check_net("output y = relu", head=f"dim T = {dim}")) == ["E0310"]

    def test_a_shape_check_fails_with_the_dim(self) -> None:
        found = only(check_net("shape(N, 9); output y = relu"))
        assert found.code.number == "E0408"
        assert "dim 1 is 8, not 9" in found.message

    def test_a_parameter_closes_a_size(self) -> None:
        result = check_net("output y = linear(1)", inputs="x: float[N, T, D]", head="param D = 4")
        assert type_of(result, "y") == "float[N, T, 1]"

    def test_targets_share_the_sizes_of_the_inputs(self) -> None:
        result = check_net("output y = linear(3)", tail="target t: int[N, 1 + 1]")
        assert str(compiled(result).program.targets[0][1]) == "int[N, 2]"

    @pytest.mark.parametrize(
        ("declared", "code"),
        [
            ("float", "E0401"),
            ("flot[N]", "E0304"),
            ("float[N, 0]", "E0302"),
            ("float[N, -1]", "E0302"),
            ("float[N, 1.5]", "E0301"),
            ("float[..., N]", "E0115"),
            ("float[N, n]", "E0202"),
        ],
    )
    def test_a_declared_type_that_cannot_be(self, declared: str, code: str) -> None:
        assert errors(check_net("output y = relu", inputs=f"x: {declared}")) == [code]


class TestNames:
    def test_a_kind_makes_way_for_the_author(self) -> None:
        result = check_net("relu; relu = tanh; relu_2 = tanh; output y = tanh")
        assert layers(result) == ["relu_3", "relu", "relu_2", "y"]

    def test_an_input_keeps_its_name(self) -> None:
        result = check_net("relu -> tanh; output y = silu", inputs="relu: float[N, 8]")
        assert "relu" not in layers(result)

    def test_names_are_stable_when_a_branch_is_not_taken(self) -> None:
        body = "if deep { a = linear(8) }; linear(8); output y = relu"
        assert layers(check_net(body, head="param deep = true")) == ["a", "linear", "y"]
        assert layers(check_net(body, head="param deep = false")) == ["linear", "y"]


def test_an_einsum_over_the_words_and_their_context_scores_every_pair() -> None:
    result = check_file(SPECS / "skipgram.dlc", sets=["negatives=9", "dim=16", "vocab=100"])
    assert type_of(result, "score") == "float[N, 10]"
    assert compiled(result).program.parameter_count == 3200
