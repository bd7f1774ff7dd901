"""Arguments by position and by name, words by their place, blocks and their parameters."""

from __future__ import annotations

import pytest
from checking import (
    check_net,
    check_yaml,
    compiled,
    errors,
    kinds,
    layers,
    only,
    shown,
    type_of,
    underlined,
)

IMAGE = "x: float[N, 3, 8, 8]"


class TestArguments:
    def test_positions_follow_the_declared_order(self) -> None:
        result = check_net("output y = linear(4, false)")
        assert [key for key, _ in compiled(result).program.parameters()] == ["y.weight"]

    def test_position_and_name_bind_to_equal_specs(self) -> None:
        one = check_net("output y = linear(4, false)")
        two = check_net("output y = linear(bias=false, out_features=4)")
        assert one.spec == two.spec
        assert compiled(one).digest == compiled(two).digest

    def test_yaml_structure_is_a_call(self) -> None:
        forms = ["linear: 4", "linear: [4, true]", "linear: {out_features: 4}", "linear(4)"]
        specs = [
            check_yaml(
                f'dlc: 1\nname: Net\ninputs: {{x: "float[N, 8]"}}\n'
                f"layers:\n  - {form}\n  - relu:\n    output: y\n"
            ).spec
            for form in forms
        ]
        assert specs.count(specs[0]) == 4
        assert specs[0] is not None

    def test_variadic_arguments_come_singly_or_as_a_list(self) -> None:
        one = check_net("shape(N, 8); output y = relu")
        two = check_net("shape([N, 8]); output y = relu")
        assert one.spec == two.spec

    @pytest.mark.parametrize(
        ("call", "code", "place"),
        [
            ("linear", "E0303", "linear"),
            ("linear(4, true, 3)", "E0305", "3"),
            ("linear(4, out_features=5)", "E0306", "out_features=5"),
            ("linear(out_features=4, out_features=5)", "E0306", "out_features=5"),
            ("linear(out_feature=4)", "E0205", "out_feature"),
            ("linear(units=4)", "E0205", "units"),
            ("linear(4.0)", "E0301", "4.0"),
            ('linear("4")', "E0301", '"4"'),
            ("linear(0)", "E0302", "0"),
            ("linear(width)", "E0202", "width"),
            ("linaer(4)", "E0201", "linaer"),
            ("Dense(4)", "E0201", "Dense"),
            ("linear(4, init=nrmal)", "E0210", "nrmal"),
            ("linear(4, init=normal(std=-1))", "E0302", "-1"),
        ],
    )
    def test_a_mistake_is_one_finding_at_its_place(self, call: str, code: str, place: str) -> None:
        found = only(check_net(f"output y = {call}"))
        assert (found.code.number, underlined(found)) == (code, place)

    def test_all_mistakes_are_told_in_one_run(self) -> None:
        result = check_net("linear(0); dropout(2); linear(-1, bias=3); output y = relu")
        assert errors(result) == ["E0302", "E0302", "E0302", "E0301"], shown(result)

    def test_a_failed_value_silences_what_follows(self) -> None:
        body = (
            "a = linear(0); linear(3); b = a + x; [a, b] -> concat(dim=7); output y = conv2d(1, 9)"
        )
        assert errors(check_net(body)) == ["E0302"]

    def test_a_misspelt_required_argument_is_not_missed_again(self) -> None:
        assert errors(check_net("output y = linear(out_featurs=4)")) == ["E0205"]
        head = "block B(width: int) { linear(width) }"
        assert errors(check_net("B(widht=4); output y = relu", head=head)) == ["E0205"]


class TestWords:
    @pytest.mark.parametrize("word", ["zeros", '"zeros"', "mode"])
    def test_an_enumeration_takes_the_word_a_text_or_a_parameter(self, word: str) -> None:
        result = check_net(
            f"output y = conv2d(4, 3, padding_mode={word})",
            inputs=IMAGE,
            head='param mode = "zeros"',
        )
        assert type_of(result, "y") == "float[N, 4, 6, 6]"

    def test_a_word_of_an_enumeration_goes_before_a_parameter_of_that_name(self) -> None:
        result = check_net(
            "output y = conv2d(4, 3, padding_mode=zeros)", inputs=IMAGE, head="param zeros = 3"
        )
        assert "E0304" not in errors(result)

    def test_an_unknown_word_names_the_near_one(self) -> None:
        found = only(check_net("output y = conv2d(4, 3, padding_mode=zeroes)", inputs=IMAGE))
        assert found.code.number == "E0304"
        assert "`zeros`" in (found.help or "")

    @pytest.mark.parametrize(
        ("word", "meant"), [("yes", "true"), ("on", "true"), ("No", "false"), ("OFF", "false")]
    )
    def test_a_boolean_of_yaml_1_1_has_a_fix(self, word: str, meant: str) -> None:
        found = only(check_net(f"output y = linear(4, bias={word})"))
        assert found.code.number == "E0301"
        assert found.fix is not None
        assert [edit.replacement for edit in found.fix.edits] == [meant]

    def test_text_places_take_paths_globs_and_equations_as_they_are(self) -> None:
        data = check_yaml(
            'dlc: 1\ninputs: {x: "float[N, 8]"}\nlayers:\n  - linear: 1\n    output: y\n'
            "data:\n  source: data/my-file.v2.csv\n  columns: {x: feature_*}\n"
            '  where: year < 2025 and city != "Oslo"\n'
        )
        settings = compiled(data).settings.data
        assert settings is not None
        assert settings.source == "data/my-file.v2.csv"
        assert settings.columns == {"x": "feature_*"}
        assert settings.where == 'year < 2025 and city != "Oslo"'
        result = check_net(
            'output y = [x, z] -> einsum("nkd,nd->nk")', inputs="x: float[N, 3, 8]; z: float[N, 8]"
        )
        assert type_of(result, "y") == "float[N, 3]"

    @pytest.mark.parametrize(
        ("vocabulary", "value"),
        [
            ("vocab", 500),
            ("vocab // 2", 250),
            ("7", 7),
            ('"vocab"', "vocab"),
            ("data/words.txt", "data/words.txt"),
            ("words", "words"),
        ],
    )
    def test_a_place_for_a_number_or_a_path_goes_by_the_names(
        self, vocabulary: str, value: object
    ) -> None:
        result = check_yaml(
            'dlc: 1\nparams: {vocab: 500}\ninputs: {x: "int[N, T]"}\n'
            "layers:\n  - embedding: [vocab, 4]\n    output: y\n"
            f"preprocess:\n  x:\n    - word: {{vocabulary: {vocabulary}}}\n"
        )
        compilation = compiled(result)
        step = compilation.settings.preprocess["x"][0]
        assert getattr(step, "vocabulary", None) == value
        again = compiled(check_yaml(compilation.canonical))
        assert again.settings == compilation.settings


class TestBlocks:
    def test_a_default_may_name_an_earlier_parameter(self) -> None:
        head = "block B(w: int, v = w * 2, deep = v > 3) { linear(v) -> linear(w); "
        head = head.replace("; ", "\n")
        head += "if deep { tanh } }"
        assert kinds(check_net("B(2); output y = relu", head=head)) == [
            "linear",
            "linear",
            "tanh",
            "relu",
        ]
        assert "tanh" not in kinds(check_net("B(1); output y = relu", head=head))

    def test_a_default_cannot_name_a_later_parameter(self) -> None:
        found = only(check_net("B; output y = relu", head="block B(v = u, u = 2) { linear(v) }"))
        assert (found.code.number, underlined(found)) == ("E0202", "u")

    def test_a_block_sees_nothing_from_outside(self) -> None:
        found = only(check_net("B; output y = relu", head="param w = 3; block B { linear(w) }"))
        assert (found.code.number, underlined(found)) == ("E0202", "w")
        assert "in `B`, called at net.dlc" in found.notes[0]

    def test_a_block_sees_the_sizes_that_its_inputs_bind(self) -> None:
        head = "block B { input a: float[..., C]\n linear(2 * C) }"
        assert type_of(check_net("output y = B", head=head), "y") == "float[N, 16]"
        assert (
            type_of(check_net("output y = B", head=head, inputs="x: float[N, 5, 7, 3]"), "y")
            == "float[N, 5, 7, 6]"
        )

    @pytest.mark.parametrize(
        ("declared", "code"),
        [
            ("int[N, C]", "E0406"),
            ("float[N, C, H]", "E0401"),
            ("float[N, 9]", "E0402"),
            ("float[C, ...]", "E0115"),
            ("float[C, C]", "E0407"),
        ],
    )
    def test_what_flows_in_must_fit_the_declared_type(self, declared: str, code: str) -> None:
        head = f"block B {{ input a: {declared}\n relu }}"
        assert errors(check_net("B; output y = relu", head=head)) == [code]

    def test_a_block_without_inputs_takes_one_unnamed_value(self) -> None:
        assert layers(check_net("Act; output y = relu", head="block Act { tanh }")) == ["act", "y"]

    TWO = "block B { input a: float[N, C]\n input b: float[N, C]\n a + b }"

    def test_further_inputs_come_by_name_or_flow_in(self) -> None:
        by_name = check_net("h = relu; x -> B(b=h); output y = relu", head=self.TWO)
        flowing = check_net("h = relu; [x, h] -> B; output y = relu", head=self.TWO)
        assert compiled(by_name).program.graph.nodes[1].inputs == (("a", "x"), ("b", "h"))
        assert compiled(flowing).program.graph.nodes[1].inputs == (("a", "x"), ("b", "h"))

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("B", "E0303"),
            ("B(x)", "E0305"),
            ("x -> B(a=x, b=x)", "E0306"),
            ("[x, x] -> B(b=x)", "E0306"),
            ("[x, x, x] -> B", "E0410"),
            ("B(b=q)", "E0202"),
            ("B(b=3)", "E0216"),
        ],
    )
    def test_inputs_of_a_block_that_do_not_fit(self, body: str, code: str) -> None:
        assert errors(check_net(f"{body}; output y = relu", head=self.TWO)) == [code]

    @pytest.mark.parametrize(
        ("call", "code"),
        [("B", "E0303"), ("B(true)", "E0301"), ("B(1.5)", "E0301"), ("B(1, 2)", "E0305"),
         ("B(1, w=2)", "E0306"), ('B("4")', "E0301")],
    )  # fmt: skip
    def test_parameters_of_a_block_are_checked(self, call: str, code: str) -> None:
        head = "block B(w: int) { linear(w) }"
        assert errors(check_net(f"{call}; output y = relu", head=head)) == [code]

    def test_blocks_use_only_those_above(self) -> None:
        found = only(check_net("A; output y = relu", head="block A { B }; block B { relu }"))
        assert (found.code.number, underlined(found)) == ("E0215", "B")
        assert errors(check_net("A; output y = relu", head="block A { A }")) == ["E0215"]

    def test_block_names_are_camel_case(self) -> None:
        assert errors(check_net("act; output y = relu", head="block act { tanh }")) == ["E0116"]

    def test_calls_that_agree_share_a_graph(self) -> None:
        head = "block B(w: int) { linear(w) }"
        program = compiled(check_net("B(8); B(8); B(4); output y = relu", head=head)).program
        assert [name for name, graph in program.graphs.items() if graph.block == "B"] == [
            "B",
            "B_2",
        ]
        assert program.parameter_count == 72 + 72 + 36


class TestNames:
    @pytest.mark.parametrize(
        ("body", "head", "code", "place"),
        [
            ("x = relu; output y = tanh", "", "E0203", "x"),
            ("h = relu; h = tanh; output y = h", "", "E0203", "h"),
            ("output y = relu; output y = tanh", "", "E0203", "y"),
            ("p = relu; output y = p", "param p = 1", "E0211", "p"),
            ("N = relu; output y = N", "", "E0211", "N"),
            ("repeat 2 as x { relu }; output y = relu", "", "E0211", "x"),
            ("repeat 2 as p { relu }; output y = relu", "param p = 1", "E0211", "p"),
            ("repeat 2 as i { repeat 2 as i { relu } }; output y = relu", "", "E0211", "i"),
            ("output y = relu", "param x = 1", "E0211", "x"),
            ("output y = relu", "param T = 1; dim T = 1..2", "E0211", "T"),
            ("output y = relu", "dim T = 1..3; dim T = 1..2", "E0203", "T"),
            ("output y = relu", "param p = 1; param p = 2", "E0203", "p"),
            ("output y = relu", "dim t = 1..3", "E0116", "t"),
        ],
    )
    def test_a_name_stands_for_one_thing(self, body: str, head: str, code: str, place: str) -> None:
        found = only(check_net(body, head=head))
        assert (found.code.number, underlined(found)) == (code, place)
        if code in ("E0203", "E0211"):
            assert len(found.secondary) == 1

    def test_names_are_those_above(self) -> None:
        found = only(check_net("z -> relu; z = tanh; output y = relu"))
        assert (found.code.number, underlined(found)) == ("E0202", "z")

    def test_names_of_an_inner_body_stay_there(self) -> None:
        for inner in ("repeat 2 {", "if true {", "residual {"):
            found = only(check_net(f"{inner} h = relu }}; output y = h -> tanh"))
            assert (found.code.number, underlined(found)) == ("E0202", "h")

    def test_an_inner_body_sees_the_names_around_it(self) -> None:
        body = "h = relu; repeat 2 as i { residual { if i == p { h * 2 } else { h -> tanh } } }"
        result = check_net(f"{body}; output y = relu", head="param p = 1")
        assert kinds(result) == ["relu", "tanh", "add", "mul", "add", "relu"]
        shared = "h = linear(8); repeat 2 { linear(8, weight=h.weight) }; output y = reuse(h)"
        assert compiled(check_net(shared)).program.parameter_count == 72 + 8 + 8

    def test_two_bodies_may_use_one_name(self) -> None:
        body = "repeat 2 { h = relu }; repeat 2 { h = tanh }; output y = linear(1)"
        assert layers(check_net(body)) == ["h.0", "h.1", "h_2.0", "h_2.1", "y"]

    def test_a_value_goes_before_an_op_of_its_name(self) -> None:
        result = check_net("tanh = relu; output y = tanh")
        assert kinds(result) == ["relu"]
