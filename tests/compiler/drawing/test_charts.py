"""Charts of one line, and the learning rate that `dlc graph --schedule` draws."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dlc.compiler.cli import main as cli
from dlc.compiler.drawing.chart import Chart, shown, text_chart, write_chart, write_page

SPEC = """dlc: 1
name: Net
inputs:
  x: float[N, 4]
layers:
  - linear: 3
    output: logits
targets:
  label: int[N]
loss: cross_entropy(logits, label)
optimizer: sgd(lr=0.1)
schedule: multi_step(milestones=[5])
train: {epochs: 10}
"""


def chart(**more: object) -> Chart:
    given: dict[str, object] = {
        "title": "a & b",
        "x_label": "x",
        "y_label": "y",
        "xs": [1.0, 10.0, 100.0],
        "ys": [0.0, 4.0, 2.0],
    }
    return Chart(**(given | more))  # type: ignore[arg-type]


def points(svg: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', svg)
    assert found is not None
    return [(float(x), float(y)) for x, y in (p.split(",") for p in found[1].split())]


def test_a_chart_is_well_formed_and_its_line_goes_through_the_points() -> None:
    svg = write_chart(chart(marks=[(10.0, "<here>")]))
    ElementTree.fromstring(svg)
    (x0, y0), (x1, y1), (x2, y2) = points(svg)
    assert x0 < x1 < x2
    assert (x1 - x0) / (x2 - x0) == pytest.approx(9 / 99, abs=0.01)
    assert (y0 - y2) / (y0 - y1) == pytest.approx(0.5, abs=0.01)
    assert "&lt;here&gt;" in svg
    ElementTree.fromstring(write_page(chart()).partition("<body>\n")[2].partition("</body>")[0])


def test_a_logarithmic_axis_has_equal_factors_at_equal_distances() -> None:
    (x0, _), (x1, _), (x2, _) = points(write_chart(chart(log_x=True)))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.1)


def test_a_constant_and_a_single_point_can_be_drawn() -> None:
    for given in (chart(ys=[0.1, 0.1, 0.1]), chart(xs=[0.0], ys=[0.1]), chart(ys=[0.0] * 3)):
        ElementTree.fromstring(write_chart(given))
        assert text_chart(given)


def test_a_text_chart_has_the_highest_on_top() -> None:
    lines = text_chart(chart(), columns=20, rows=4).splitlines()
    assert lines[2].startswith("4 │")
    assert lines[5].startswith("0 │")
    assert lines[-1].split() == ["1", "x", "100"]
    assert max(map(len, lines)) <= 24


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.003, "0.003"), (3e-5, "3e-5"), (1234.0, "1,234"), (1e-10, "1e-10")],
)
def test_numbers_at_an_axis_are_short(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return path


def test_the_rate_is_drawn_in_a_terminal_and_given_as_numbers(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["graph", "--schedule", str(spec)]) == 0
    out = capsys.readouterr().out
    assert "multi_step over 10 epochs" in out
    assert out.splitlines()[2].startswith(" 0.1 │") or out.splitlines()[2].startswith("0.1 │")
    command = ["graph", "--schedule", str(spec), "--steps-per-epoch", "4", "--format", "json"]
    assert cli.main(command) == 0
    record = json.loads(capsys.readouterr().out)["schedule"]
    assert record["total_steps"] == 40
    assert record["lr"] == pytest.approx([0.1] * 20 + [0.01] * 20)


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_the_rate_is_written_as_a_picture(
    suffix: str, spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / f"rate.{suffix}"
    assert cli.main(["graph", "--schedule", str(spec), "-o", str(target)]) == 0
    text = target.read_text()
    assert "Net: multi_step" in text
    levels = {round(y) for _, y in points(text)}
    assert len(levels) == 2
    assert cli.main(["graph", "--schedule", str(spec), "-o", str(target)]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--steps-per-epoch", "4"],
        ["--schedule", "--depth", "1", "-o", "x.svg"],
        ["--schedule", "--steps-per-epoch", "0"],
    ],
)
def test_options_that_do_not_go_together_are_refused(
    words: list[str], spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["graph", str(spec), *words]) == 2


def test_a_spec_without_an_optimizer_has_no_rate(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(SPEC.replace("optimizer: sgd(lr=0.1)\n", "").replace("schedule", "# schedule"))
    assert cli.main(["graph", "--schedule", str(spec)]) == 1
    assert "E0309" in capsys.readouterr().err


def test_a_long_run_is_drawn_by_some_of_its_steps(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["graph", "--schedule", str(spec), "--steps-per-epoch", "1000000"]
    assert cli.main([*command, "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)["schedule"]
    assert len(record["steps"]) <= 4002
    assert record["steps"][-1] == 9_999_999
    assert math.isclose(record["lr"][-1], 0.01)
