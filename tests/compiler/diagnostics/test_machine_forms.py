"""The forms for programs: JSON, SARIF, GitHub, concise; and fixes as edits."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlc.compiler.diagnostics.catalog import CODES, code
from dlc.compiler.diagnostics.fixes import apply_edits, changed_lines
from dlc.compiler.diagnostics.model import Diagnostic, Edit, Fix, Label
from dlc.compiler.diagnostics.render import FORMATS, render
from dlc.compiler.source import Source
from dlc.compiler.version import VERSION

SOURCE = Source("spécs/a b.yaml", "dlc: 1\nlayers:\n  - linaer: 名\n")
BLOCKS = Source("/abs/blocks.dlc", "dlc 1\nblock B { relu }\n", "dlc")
AT = SOURCE.text.index("linaer")
FOUND = Diagnostic(
    code("E0201"),
    "no op is called `linaer`",
    Label(SOURCE.span(AT, AT + 6), "unknown"),
    (Label(BLOCKS.span(12, 13), "not this"),),
    notes=("100% sure",),
    help="there is an op with a similar name: `linear`",
    fix=Fix("write `linear`", (Edit(SOURCE.span(AT, AT + 6), "linear"),)),
)
PLACELESS = Diagnostic(code("W0101"), "somewhere")


def test_json_is_one_object_with_every_member_documented() -> None:
    document = json.loads(render([FOUND], "json", command="check", extra={"parameters": 3}))
    assert {k: document[k] for k in ("dlc", "command", "ok", "parameters")} == {
        "dlc": VERSION,
        "command": "check",
        "ok": False,
        "parameters": 3,
    }
    [found] = document["diagnostics"]
    assert list(found) == [
        "code", "name", "severity", "message", "file", "start", "end",
        "labels", "notes", "help", "fix", "rendered",
    ]  # fmt: skip
    assert found["start"] == {"line": 3, "column": 5, "offset": AT}
    assert found["end"] == {"line": 3, "column": 11, "offset": AT + 6}
    assert [label["file"] for label in found["labels"]] == [SOURCE.name, BLOCKS.name]
    assert found["fix"]["edits"][0]["replacement"] == "linear"
    assert found["rendered"] == render([FOUND], "text").rpartition("\n\n")[0]
    assert "\x1b" not in found["rendered"]


def test_json_is_ok_with_warnings_alone_and_without_anything() -> None:
    assert json.loads(render([PLACELESS], "json"))["ok"] is True
    assert json.loads(render([], "json"))["diagnostics"] == []
    assert json.loads(render([], "json", dropped=3))["ok"] is False


def test_json_has_null_where_a_number_is_not_finite() -> None:
    extra = {"metrics": {"loss": math.nan, "top": [math.inf, 1.5]}}
    document = json.loads(render([], "json", extra=extra))
    assert document["metrics"] == {"loss": None, "top": [None, 1.5]}


def test_json_can_be_printed_whatever_the_terminal_speaks() -> None:
    lone = Source("x.yaml", "\ud800")
    text = render([Diagnostic(code("E0111"), "m", Label(lone.whole))], "json")
    json.loads(text.encode("utf-8", "strict"))


def test_concise_is_a_line_each() -> None:
    assert render([FOUND, PLACELESS], "concise", dropped=2).splitlines() == [
        "spécs/a b.yaml:3:5: E0201 no op is called `linaer`",
        "dlc: W0101 somewhere",
        "dlc: 2 more not kept",
    ]


def test_github_commands_are_escaped() -> None:
    line = render([FOUND], "github")
    assert line.startswith(
        "::error file=spécs/a b.yaml,line=3,col=5,endLine=3,endColumn=10,title=E0201 unknown-op::"
    )
    assert "%0Anote: 100%25 sure%0Ahelp: there is" in line
    odd = Source("a,b:c%.yaml", "x")
    assert "file=a%2Cb%3Ac%25.yaml," in render(
        [Diagnostic(code("E0201"), "m", Label(odd.whole))], "github"
    )
    assert render([PLACELESS], "github") == "::warning title=W0101 unused-value::somewhere"


def test_sarif_names_rules_places_related_places_and_fixes() -> None:
    document = json.loads(render([FOUND, PLACELESS], "sarif"))
    assert document["version"] == "2.1.0"
    [run] = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E0201", "W0101"]
    assert rules[0]["name"] == "UnknownOp"
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"] for rule in rules)
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "warning"]

    first, second = run["results"]
    assert rules[first["ruleIndex"]]["id"] == first["ruleId"] == "E0201"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sp%C3%A9cs/a%20b.yaml"
    assert place["region"] == {
        "startLine": 3,
        "startColumn": 5,
        "endLine": 3,
        "endColumn": 11,
        "charOffset": AT,
        "charLength": 6,
    }
    related = first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]
    assert related["uri"] == "file:///abs/blocks.dlc"
    replacement = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"] == {"text": "linear"}
    assert "locations" not in second


def test_sarif_of_nothing_is_a_run_without_results() -> None:
    [run] = json.loads(render([], "sarif"))["runs"]
    assert run["results"] == []


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no format `xml`"):
        render([], "xml")


def test_edits_are_made_from_the_old_offsets() -> None:
    src = Source("x", "abcdef")
    edits = (Edit(src.span(4, 6), "Z"), Edit(src.span(1, 2), "YY"), Edit(src.span(4, 4), "!"))
    assert apply_edits(src.text, edits) == "aYYcd!Z"
    with pytest.raises(ValueError, match="overlap"):
        apply_edits(src.text, (Edit(src.span(0, 3), ""), Edit(src.span(2, 4), "")))


def test_changed_lines_of_a_deletion_and_of_far_edits() -> None:
    src = Source("x", "one\ntwo\nthree\nfour\n")
    gone = Fix("t", (Edit(src.span(4, 8), ""),))
    assert [c[1:] for c in changed_lines(gone)] == [(2, ["two"], [])]
    far = Fix("t", (Edit(src.span(14, 18), "4"), Edit(src.span(0, 3), "1")))
    assert [c[1:] for c in changed_lines(far)] == [(1, ["one"], ["1"]), (4, ["four"], ["4"])]
    added = Fix("t", (Edit(src.span(3), "\nhalf"),))
    assert [c[1:] for c in changed_lines(added)] == [(1, ["one"], ["one", "half"])]


@given(data=st.data(), format=st.sampled_from(FORMATS))
def test_any_text_and_any_spans_can_be_shown(data: st.DataObject, format: str) -> None:
    alphabet = st.sampled_from("ab \t\n\r{:名é\u0301\u202e\x00\x1b\U0001f600")
    sources = [Source(f"{i}.yaml", data.draw(st.text(alphabet, max_size=120))) for i in range(2)]

    def draw_label() -> Label:
        src = sources[data.draw(st.integers(0, 1))]
        start = data.draw(st.integers(0, len(src.text)))
        end = data.draw(st.integers(start, len(src.text)))
        return Label(src.span(start, end), data.draw(st.sampled_from(["", "here", "a\nb"])))

    diagnostics = [
        Diagnostic(
            code(data.draw(st.sampled_from(sorted(CODES)))),
            data.draw(st.text(alphabet, max_size=9)),
            draw_label(),
            tuple(draw_label() for _ in range(data.draw(st.integers(0, 4)))),
            fix=Fix("t", (Edit(draw_label().span, "x\ny"),)),
        )
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    text = render(diagnostics, format, width=data.draw(st.integers(1, 120)))
    assert "\x1b" not in text
    assert "\u202e" not in text or format in ("json", "sarif", "github")
