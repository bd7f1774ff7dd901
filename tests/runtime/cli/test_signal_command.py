"""`dlc signal`: its table, its picture, and inputs of the size of the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from checking import SPECS

from dlc.compiler.cli.main import main
from dlc.compiler.drawing.signal_chart import SignalChart, SignalRow, write_signal_chart

DEEP = """\
dlc: 1
name: Deep
inputs:
  x: float[N, 64]
layers:
  - repeat: 16
    layers: [{linear: 64}, relu]
  - linear: 10
    output: y
"""


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("deep.yaml").write_text(DEEP)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["signal", *words, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_table_says_which_layers_vanish(deep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signal", "deep.yaml"]) == 0
    streams = capsys.readouterr()
    lines = streams.out.splitlines()
    assert lines[0].split() == [
        *("layer", "shape", "fan", "signal", "gradient", "of", "weights", "signal", "verdict")
    ]
    assert "vanishes (gradient)" in lines[1]
    assert "[N, 64]" in lines[1]
    assert lines[16].rstrip().endswith("sound")
    assert "W0180" in streams.err
    assert main(["signal", "deep.yaml", "--set", "init={linear: kaiming_normal}"]) in (0, 1)


def test_it_is_drawn_and_nothing_is_overwritten(
    deep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["signal", "deep.yaml", "-o", "deep.svg"]) == 0
    root = ElementTree.fromstring((deep / "deep.svg").read_text())
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("vanishes") == 5
    assert any(text.endswith("linear.0") for text in texts)
    assert main(["signal", "deep.yaml", "-o", "deep.svg"]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["signal", "deep.yaml", "-o", "deep.svg", "--force"]) == 0
    assert main(["signal", "deep.yaml", "-o", "deep.png"]) == 2
    assert main(["signal", "deep.yaml", "-o", "deep.html"]) == 0
    assert (deep / "deep.html").read_text().startswith("<!doctype html>")


def test_names_are_escaped_and_gaps_break_the_line() -> None:
    rows = [
        SignalRow(name="a<b", shape="[N]", signal=1.0, gradient=None, weights=None),
        SignalRow(name="b", shape="[N]", signal=None, gradient=1e-40, weights=None),
        SignalRow(name="c", shape="[N]", signal=0.0, gradient=1e40, weights=2.0, exact=False),
        SignalRow(name="d" * 90, shape="[N]", signal=2.0, gradient=1.0, weights=1.0, bad=True),
    ]
    text = write_signal_chart(
        SignalChart(title="<T>", rows=rows, low=1e-4, high=1e4, notes=["a & b"])
    )
    root = ElementTree.fromstring(text)
    lines = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if e.get("class") == "s"]
    assert len(lines) == 1, "the line goes over the gap"
    assert sum("guess" in (e.get("class") or "") for e in root.iter()) == 1


def test_inputs_are_of_the_size_of_the_data(deep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    column = {"column": "a", "of": "x", "role": "input", "kind": "list",
              "mean": 0.0, "std": 30.0, "low": -90.0, "high": 90.0}  # fmt: skip
    profile = {"format": 1, "parts": {"train": 9}, "columns": [column], "classes": {}}
    (deep / "profile.json").write_text(json.dumps(profile))
    plain = answer(capsys, "deep.yaml")
    large = answer(capsys, "deep.yaml", "--profile", "profile.json")
    assert plain["inputs"][0]["known_by"] == "assumed"
    assert large["inputs"][0] == {"name": "x", "mean": 0.0, "variance": 900.0,
                                  "known_by": "profile"}  # fmt: skip
    assert large["layers"][0]["signal"] == pytest.approx(
        30 * plain["layers"][0]["signal"], rel=0.01
    )


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [("{", 65, "E0803"), ("[]", 65, "E0803"), ('{"format": 1}', 65, "E0803"), (None, 2, "E0611")],
)
def test_what_is_no_profile_says_so(
    deep: Path, capsys: pytest.CaptureFixture[str], text: str | None, status: int, code: str
) -> None:
    if text is not None:
        (deep / "profile.json").write_text(text)
    assert main(["signal", "deep.yaml", "--profile", "profile.json"]) == status
    message = capsys.readouterr().err
    assert code in message
    assert "dlc data" in message


def test_what_is_measured_has_inputs_of_the_same_size(
    deep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    spec = str(SPECS / "wine.yaml")
    found = answer(capsys, spec, "--measure", "--set", "preprocess.analysis=min_max")
    assert found["inputs"][0]["known_by"] == "range"
    layer = next(layer for layer in found["layers"] if layer["name"] == "linear")
    assert layer["measured_signal"] == pytest.approx(layer["signal"], rel=0.25)
