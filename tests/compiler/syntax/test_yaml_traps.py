"""What people write in YAML and what they are told."""

from __future__ import annotations

import pytest
from reading import findings, fixed, only, place, read, read_well

from dlc.compiler.syntax import tree


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        ("init: {embedding: uniform(-1, 1), bias: zeros}", "2:19", "E0104"),
        ("x: [lowercase, word(a=b, c=f(2, 3)), z]", "2:16", "E0104"),
        ("inputs: {x: float[N, 3]}", "2:13", "E0104"),
        ("layers:\n  - global_avg_pool\n    name: x", "3:5", "E0106"),
        ("layers:\n  - relu:\n    linear: 10", "4:5", "E0107"),
        ("a: 1\na: 2", "3:1", "E0108"),
        ("a: &x 1", "2:4", "E0109"),
        ("a: *x", "2:4", "E0109"),
        ("b: {<<: {a: 1}}", "2:5", "E0109"),
        ("a: !!str 3", "2:4", "E0109"),
        ("a: !custom 3", "2:4", "E0109"),
        ("? [a, b]\n: 3", "2:3", "E0109"),
        ("opt: {lr: ${x}}", "2:11", "E0105"),
        ("a:\n\tb: 3", "3:1", "E0105"),
        ("a: [1, 2\nb: 3", "2:4", "E0103"),
        ("a: {x: 1\nb: 3", "2:4", "E0103"),
        ('a: "abc\nb: 3', "2:4", "E0103"),
        ("a: b: c", "2:5", "E0105"),
        ("a: - x", "2:4", "E0105"),
        ("a: @x", "2:4", "E0105"),
        ("train:\n  epochs 20\n  lr: 3", "3:3", "E0105"),
        ("layers:\n  - relu\n - tanh", "4:2", "E0105"),
        ("layers:\n  - relu\n   - tanh", "4:4", "E0105"),
        ("layers:\n - [a, b] -> concat(dim=1)", "3:11", "E0105"),
        ("a: 'it's'", "2:8", "E0105"),
        ('"": 3', "2:1", "E0116"),
        ("layers:\n  conv2d: 3", "3:3", "E0115"),
        ("layers:\n  - repeat: 3", "3:5", "E0115"),
        ("layers:\n  - name: x", "3:5", "E0115"),
        ("layers:\n  - relu:\n    name: x\n    output: y", "5:5", "E0311"),
        ("inputs: {x: }", "2:10", "E0115"),
        ("params: {p: }", "2:10", "E0115"),
        ("blocks: {B: {params: {a: 1}}}", "2:10", "E0115"),
        ("blocks: {B: {layer: [relu], layers: [relu]}}", "2:14", "E0206"),
        ("layers:\n  - conv2d(3, 4", "3:16", "E0103"),
        ("layers:\n  - linear(017)", "3:12", "E0114"),
    ],
)
def test_each_trap_has_its_code_and_place(text: str, where: str, code: str) -> None:
    finding = only(f"dlc: 1\n{text}\n", "yaml")
    assert (place(finding), finding.code.number) == (where, code)
    assert finding.help


@pytest.mark.parametrize(
    "text",
    [
        "init: {embedding: uniform(-1, 1), bias: zeros}",
        "x: [lowercase, word(a=b, c=f(2, 3)), z]",
        "inputs: {x: 'float[N, 3]', y: float[N, 3]}",
        "layers:\n  - global_avg_pool   # all of it\n    name: x",
        "layers: [relu, linear(3, bias=false), tanh]",
        "opt: {lr: ${x}}",
    ],
)
def test_a_fix_mends_the_text(text: str) -> None:
    read_well(fixed(only(f"dlc: 1\n{text}\n", "yaml")), "yaml")


def test_a_value_that_a_comma_split_is_read_as_it_was_meant() -> None:
    file, _ = read("dlc: 1\ninit: {embedding: uniform(-1, 1), bias: zeros}\n", "yaml")
    assert file is not None
    init = file.settings[0].value
    assert isinstance(init, tree.Mapping)
    assert [entry.key.text for entry in init.entries] == ["embedding", "bias"]
    assert isinstance(init.entries[0].value, tree.Call)


def test_a_duplicate_shows_both_places() -> None:
    finding = only("dlc: 1\nseed: 1\nseed: 2\n", "yaml")
    assert [label.span.location.line for label in finding.secondary] == [2]


def test_two_ops_in_an_item_show_both_and_the_remedy() -> None:
    finding = only("dlc: 1\nlayers:\n  - relu:\n    linear: 10\n", "yaml")
    assert finding.secondary[0].span.text == "relu"
    assert finding.help == "begin a new item: `- linear:`"


def test_a_second_document_is_refused() -> None:
    assert ("3:1", "E0109") in findings("dlc: 1\nlayers: [relu]\n---\ndlc: 1\n", "yaml")


@pytest.mark.parametrize("text", ["", "# words\n", "- a\n", "dlc\n", "--- \n", "null\n", "[]\n"])
def test_a_text_that_is_no_spec_is_told_so(text: str) -> None:
    file, found = read(text, "yaml")
    assert file is None
    assert [finding.code.number for finding in found] == ["E0115"]


def test_all_findings_of_a_file_come_at_once() -> None:
    text = "dlc: 1\nseed: 1\nseed: 2\nlayers:\n  - [relu]\n  - $x\n  - relu:\n    tanh:\n"
    assert [code for _, code in findings(text, "yaml")] == ["E0108", "E0115", "E0102", "E0107"]


def test_quotes_are_looked_through_where_only_an_expression_can_stand() -> None:
    quoted = 'dlc: 1\ninputs: {x: "float[N, 3]"}\nlayers: ["linear(3, bias=false)", "x -> relu"]\n'
    plain = "dlc: 1\ninputs:\n  x: float[N, 3]\nlayers:\n  - linear(3, bias=false)\n  - x -> relu\n"
    assert read_well(quoted, "yaml") == read_well(plain, "yaml")


def test_an_item_may_be_a_line_of_the_other_surface() -> None:
    yaml = read_well("dlc: 1\nlayers:\n  - h = x -> linear(3, bias=false) -> relu\n", "yaml")
    dlc = read_well("dlc 1\nmodel {\n  h = x -> linear(3, bias=false) -> relu\n}\n", "dlc")
    assert yaml.model == dlc.model


def test_the_three_forms_of_arguments() -> None:
    text = "dlc: 1\nlayers:\n  - linear: 10\n  - conv2d: [6, 5]\n  - pool: {size: 2}\n  - relu:\n"
    lines = "linear(10)\n conv2d(6, 5)\n pool(size=2)\n relu"
    dlc = read_well(f"dlc 1\nmodel {{\n {lines}\n}}\n", "dlc")
    assert read_well(text, "yaml").model == dlc.model


def test_several_results_have_a_list_of_names() -> None:
    yaml = read_well("dlc: 1\nlayers:\n  - from: x\n    lstm: 8\n    name: [out, h, c]\n", "yaml")
    dlc = read_well("dlc 1\nmodel {\n  out, h, c = x -> lstm(8)\n}\n", "dlc")
    assert yaml.model == dlc.model


def test_a_parameter_may_have_a_type_and_a_default() -> None:
    yaml = read_well("dlc: 1\nparams: {width: int = 3, p: float, q: 0.5}\n", "yaml")
    dlc = read_well("dlc 1\nparam width: int = 3\nparam p: float\nparam q = 0.5\n", "dlc")
    assert yaml.params == dlc.params


def test_an_expression_over_two_lines_keeps_its_places() -> None:
    file = read_well(
        "dlc: 1\nloss: cross_entropy(logits, label)\n  + 0.2 * mse_loss(a, b)\n", "yaml"
    )
    loss = file.settings[0].value
    assert isinstance(loss, tree.Binary)
    assert loss.right.span.text == "0.2 * mse_loss(a, b)"


@pytest.mark.parametrize("sign", ["é", "名", "😀", "\u2028"])
def test_places_count_characters_after_any_text(sign: str) -> None:
    text = f'dlc: 1\nx: "{sign}{sign}"\nseed: 1\nseed: 2\n'
    assert only(text, "yaml").primary.span.text == "seed"  # type: ignore[union-attr]


def test_places_hold_with_windows_line_ends() -> None:
    finding = only("dlc: 1\r\nseed: 1\r\nseed: 2\r\n", "yaml")
    assert place(finding) == "3:1"


def test_the_pure_loader_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml
    from reading import TEXTS

    from dlc.compiler.syntax import yaml_nodes

    for path in TEXTS:
        if path.suffix == ".yaml":
            text = path.read_text(encoding="utf-8")
            fast = read_well(text, "yaml")
            with monkeypatch.context() as patch:
                patch.setattr(yaml_nodes, "_LOADER", yaml.SafeLoader)
                slow = read_well(text, "yaml")
            assert fast == slow
            assert [c.span.start for c in fast.comments] == [c.span.start for c in slow.comments]
            assert [e.span.text for e in fast.settings] == [e.span.text for e in slow.settings]
