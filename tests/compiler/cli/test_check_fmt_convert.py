"""`dlc check`, `dlc fmt` and `dlc convert` on files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlc.compiler.cli.main import main

SPECS = Path(__file__).parents[3] / "specs"
NAMES = ("bert_base", "bilstm", "lenet5", "multitask", "resnet18", "skipgram")

GOOD = """dlc: 1
name: Tiny

inputs:
  x: float[N, 4]

layers:
  - linear: 3  # three classes
    output: y
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_check_names_the_model_and_its_parameters(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(spec)]) == 0
    assert capsys.readouterr().out == f"{spec}: Tiny, 15 parameters\n"


def test_check_reads_several_files_and_fails_where_one_is_wrong(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = spec.with_name("wrong.yaml")
    wrong.write_text(GOOD.replace("linear", "linaer"), encoding="utf-8")
    assert main(["check", "--format", "json", str(spec), str(wrong)]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [f["ok"] for f in answer["files"]] == [True, False]
    assert answer["files"][0]["parameters"] == 15
    assert [d["code"] for d in answer["diagnostics"]] == ["E0201"]
    assert answer["ok"] is False


def test_a_warning_does_not_fail_and_a_denied_one_does(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(GOOD.replace("name: Tiny", "name: Tiny\nparams: {p: 1}"), encoding="utf-8")
    assert main(["check", str(spec)]) == 0
    assert "warning[W0104]" in capsys.readouterr().out
    assert main(["check", "--deny", "unused-param", str(spec)]) == 1
    assert "error[W0104]" in capsys.readouterr().out
    assert main(["check", "--allow", "unused-param", str(spec)]) == 0
    assert "W0104" not in capsys.readouterr().out


def test_fix_writes_the_safe_fixes_and_checks_again(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = GOOD.replace("linear: 3", "linear: {out_featurs: 3}")
    spec.write_text(wrong, encoding="utf-8")
    assert main(["check", "--fix", str(spec)]) == 0
    assert spec.read_text(encoding="utf-8") == wrong.replace("out_featurs", "out_features")
    assert "1 fix written" in capsys.readouterr().out


def test_an_override_is_read_by_the_same_grammar_and_blamed_in_its_place(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--set", "model.y.out_features=2 * 4", str(spec)]) == 0
    assert "40 parameters" in capsys.readouterr().out
    assert main(["check", "--set", "model.y.out_features=0", str(spec)]) == 1
    shown = capsys.readouterr().out
    assert "--> --set:1:" in shown
    assert "E0302" in shown


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("surface", ["yaml", "dlc"])
def test_the_specs_are_in_canonical_form(name: str, surface: str) -> None:
    assert main(["fmt", "--check", str(SPECS / f"{name}.{surface}")]) == 0


def test_fmt_check_changes_nothing_and_says_what_it_would(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crooked = GOOD.replace("linear: 3  #", "linear:    3 #")
    spec.write_text(crooked, encoding="utf-8")
    assert main(["fmt", "--check", str(spec)]) == 1
    assert spec.read_text(encoding="utf-8") == crooked
    assert main(["fmt", "--diff", str(spec)]) == 1
    assert "+  - linear: 3  # three classes" in capsys.readouterr().out
    assert main(["fmt", str(spec)]) == 0
    assert spec.read_text(encoding="utf-8") == GOOD
    assert main(["fmt", str(spec)]) == 0
    assert "nothing to change" in capsys.readouterr().out


def test_fmt_leaves_a_file_with_syntax_errors_alone(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = GOOD + "init: {linear: uniform(-1, 1)}\n"
    spec.write_text(broken, encoding="utf-8")
    assert main(["fmt", str(spec)]) == 1
    assert spec.read_text(encoding="utf-8") == broken
    assert "E0104" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("surface", ["yaml", "dlc"])
def test_convert_goes_to_the_other_surface_and_means_the_same(
    name: str, surface: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = "dlc" if surface == "yaml" else "yaml"
    target = tmp_path / f"{name}.{other}"
    assert main(["convert", str(SPECS / f"{name}.{surface}"), str(target)]) == 0
    (tmp_path / "blocks").mkdir()
    blocks = (SPECS / "blocks" / "conv.dlc").read_text(encoding="utf-8")
    (tmp_path / "blocks" / "conv.dlc").write_text(blocks, encoding="utf-8")
    capsys.readouterr()
    assert main(["check", str(target), str(SPECS / f"{name}.{surface}")]) == 0
    counts = {line.split(", ")[1] for line in capsys.readouterr().out.splitlines()}
    assert len(counts) == 1


def test_convert_keeps_comments_and_does_not_replace_a_file(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(spec)]) == 0
    assert "output y = linear(3)  # three classes" in capsys.readouterr().out
    target = spec.with_suffix(".dlc")
    target.write_text("mine", encoding="utf-8")
    assert main(["convert", str(spec), str(target)]) == 2
    assert target.read_text(encoding="utf-8") == "mine"
    assert main(["convert", "--force", str(spec), str(target)]) == 0
    assert target.read_text(encoding="utf-8").startswith("dlc 1\n")
