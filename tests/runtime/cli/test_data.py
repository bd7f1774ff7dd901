"""`dlc data`: the table, the page, `profile.json`, and the exit status."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from dlc.compiler.cli.main import main

SPEC = """\
dlc: 1
inputs:
  x: float[N, 3]
  city: int[N]
layers:
  - from: city
    embedding: {num_embeddings: 4, embedding_dim: 2}
    name: v
  - from: [x, v]
    concat: {dim: 1}
  - linear: 2
    output: y
targets:
  t: int[N]
data:
  source: rows.csv
  columns: {x: "f_*", city: "<b>city</b>", t: label}
preprocess: {x: standardize, city: vocabulary}
loss: cross_entropy(y, t)
optimizer: sgd(lr=0.1)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    columns = {f"f_{i}": rng.standard_normal(200) for i in range(2)}
    table = pa.table(
        columns
        | {
            "f_2": np.full(200, 7.0),
            "<b>city</b>": rng.choice(["<script>alert(1)</script>", "Oslo"], 200),
            "label": rng.choice(["no", "yes"], 200),
            "spare": np.arange(200),
        }
    )
    csv.write_csv(table, "rows.csv")
    Path("spec.yaml").write_text(SPEC)
    return tmp_path


def test_the_table_fits_a_terminal_and_warnings_are_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["data", "spec.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        "rows.csv: 200 rows, 6 columns",
        "  train 160, validation 20, test 20",
        "  not used: spare",
    ]
    assert max(map(len, out.splitlines())) <= 80
    assert "warning[W0202]: column `f_2` is `7` in every row" in err


def test_a_denied_finding_is_a_failure_and_an_allowed_one_is_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["data", "spec.yaml", "--deny", "constant-column"]) == 1
    assert "error[W0202]" in capsys.readouterr().err
    assert main(["data", "spec.yaml", "--allow", "constant-column"]) == 0
    assert "W0202" not in capsys.readouterr().err


def test_bad_values_are_bad_data(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Path("rows.csv").read_text().splitlines()
    lines[5] = "x" + lines[5]
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    assert main(["data", "spec.yaml"]) == 65
    assert "in row 5" in capsys.readouterr().err


def test_the_profile_is_written_and_equal_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "spec.yaml", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    first = Path("build/spec/profile.json").read_text()
    assert main(["data", "spec.yaml", "-o", "again"]) == 0
    assert Path("again/profile.json").read_text() == first
    profile = json.loads(first)
    assert profile["parts"] == {"train": 160, "validation": 20, "test": 20}
    assert profile["unused"] == ["spare"]
    assert [f["code"] for f in profile["findings"]] == ["W0202"]
    assert {c["column"]: c["kind"] for c in profile["columns"]}["<b>city</b>"] == "text"
    assert printed["columns"] == profile["columns"]
    assert printed["diagnostics"][0]["code"] == "W0202"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_file_whose_data_is_only_shown() -> None:
    assert main(["data", "spec.yaml", "--html", "page.html"]) == 0
    text = Path("page.html").read_text()
    page = _Page()
    page.feed(text)
    assert not page.open
    assert not page.tags & {"script", "link", "img", "iframe", "b" * 2}
    assert not page.attributes & {"src", "href", "onclick", "onload"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;city&lt;/b&gt;" in text
    assert "prefers-color-scheme: dark" in text
    assert "<svg" in text


def test_a_spec_without_data_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.yaml").write_text(
        "dlc: 1\ninputs:\n  x: float[N, 3]\nlayers:\n  - linear: 2\n    output: y\n"
    )
    assert main(["data", "net.yaml"]) == 2
    assert "the spec has no `data`" in capsys.readouterr().err
