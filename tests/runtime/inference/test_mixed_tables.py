"""A table of numbers, categories, dates and lists: trained, exported, and answered for."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.data.preprocessing import read_preprocessing

SPEC = """\
dlc: 1
name: Sales
inputs:
  numbers: float[N, 4]
  price: float[N, 1]
  city: float[N, 4]
  url: int[N]
  size: int[N]
  tags: float[N, 4]
  sold: float[N, 4]
  axes: float[N, 2]
layers:
  - {from: url, embedding: [16, 3], name: u}
  - {from: size, embedding: [3, 2], name: s}
  - {from: "[numbers, price, city, tags, sold, axes, u, s]", concat: {dim: 1}}
  - linear: 2
    output: logits
targets: {label: "int[N]"}
data:
  source: sales.csv
  columns:
    numbers: [a, b]
    axes: [p, q, r]
    price: price
    city: city
    url: url
    size: size
    tags: tags
    sold: sold
    label: label
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: city}
preprocess:
  numbers: ["impute(median, indicator=true)", standardize]
  price: [log, standardize]
  city: ["vocabulary(max_size=4)", one_hot(4)]
  url: hashing(16)
  size: "ordinal([small, medium, large])"
  tags: "multi_hot(4, separator=';')"
  sold: "cyclic([month, weekday])"
  axes: [standardize, pca(2)]
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=0.01)
train: {epochs: 1, precision: float32}
"""
NAMES = ("a", "b", "price", "city", "url", "size", "tags", "sold", "p", "q", "r", "label")
ROWS = 90


def sale(draw: np.random.Generator) -> list[Any]:
    return [
        "" if draw.random() < 0.2 else round(draw.normal(), 3),
        "" if draw.random() < 0.1 else round(draw.normal(5, 2), 3),
        round(float(np.exp(draw.normal())), 4),
        draw.choice(["Oslo", "Rome", "Łódź", "Paris", "Bonn"]),
        f"http://x/{draw.integers(30)}",
        draw.choice(["small", "medium", "large"]),
        ";".join(draw.choice(["a", "b", "c", "d"], draw.integers(1, 4))),
        f"2024-{draw.integers(1, 13):02}-{draw.integers(1, 28):02}T10:00:00Z",
        *np.round(draw.normal(0, 3, 3), 3),
        draw.choice(["no", "yes"]),
    ]


def write(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(NAMES), *rows])
    return path


@dataclass(frozen=True)
class Sales:
    folder: Path
    rows: list[list[Any]]

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def model(self) -> Path:
        return self.run / "model.onnx"


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    folder = tmp_path_factory.mktemp("sales")
    draw = np.random.default_rng(0)
    rows = [sale(draw) for _ in range(ROWS)]
    write(folder / "sales.csv", rows)
    (folder / "sales.yaml").write_text(SPEC)
    run = str(folder / "run")
    assert main(["train", str(folder / "sales.yaml"), "--run", run, "--device", "cpu"]) == 0
    assert main(["export", run]) == 0
    return Sales(folder, rows)


def test_the_file_takes_raw_columns_and_what_the_host_steps_give(sales: Sales) -> None:
    session = ort.InferenceSession(str(sales.model), providers=["CPUExecutionProvider"])
    found = {i.name: (i.type, i.shape[1:]) for i in session.get_inputs()}
    assert found == {
        "numbers": ("tensor(float)", [2]),
        "price": ("tensor(float)", [1]),
        "city": ("tensor(string)", []),
        "url": ("tensor(int64)", []),
        "size": ("tensor(string)", []),
        "tags": ("tensor(string)", []),
        "sold": ("tensor(float)", [4]),
        "axes": ("tensor(float)", [3]),
    }


def test_the_file_measures_what_the_run_measures(
    sales: Sales, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(sales.run)]) == 0
    run = capsys.readouterr().out.splitlines()[-2:]
    assert main(["evaluate", str(sales.model), "--provider", "cpu"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == run


def test_statistics_that_are_texts_are_read_again(sales: Sales) -> None:
    folder = sales.run / "preprocess"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = read_preprocessing(folder, files)
    assert again.files() == files
    entries = again.inputs["city"].statistics[0]["entries"]
    assert entries.dtype == object
    assert len(entries) == 3
    low, high = again.inputs["price"].range or (0, 0)
    assert 0 < low < high


def test_new_rows_may_lack_numbers_and_have_new_categories(
    sales: Sales, capsys: pytest.CaptureFixture[str]
) -> None:
    row = list(sales.rows[0])
    row[0] = row[1] = ""
    row[3], row[6] = "Nowhere", "x;;y"
    new = write(sales.folder / "new.csv", [row])
    assert main(["predict", str(sales.model), str(new), "--provider", "cpu"]) == 0
    assert "yes" in (out := capsys.readouterr().out) or "no" in out


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (7, "2024-13-01", "column `sold`: `2024-13-01` is no date"),
        (7, "", "column `sold`: the value is missing"),
        (8, "", "column `p`: the value is missing"),
        (0, "many", "column `a`: `many` is not a number"),
    ],
)
def test_a_bad_value_is_named_by_file_row_and_column(
    sales: Sales, capsys: pytest.CaptureFixture[str], column: int, value: str, message: str
) -> None:
    rows = [list(row) for row in sales.rows[:5]]
    rows[3][column] = value
    new = write(sales.folder / "bad.csv", rows)
    assert main(["predict", str(sales.model), str(new), "--provider", "cpu"]) == 65
    assert f"bad.csv`, row 4, {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["preprocess.axes=[standardize, pca(0.99)]"], "`axes` is float[N, 2]"),
        (["preprocess.size=ordinal([small, medium])"], "`large` is in the training part"),
        (["preprocess.city=[vocabulary, one_hot(4)]"], "has places from 0 to 3"),
        (["preprocess.price=[standardize, log]"], "column `price`: `log` of -"),
    ],
)
def test_steps_that_do_not_fit_the_data_say_so(
    sales: Sales, capsys: pytest.CaptureFixture[str], changes: list[str], message: str
) -> None:
    sets = [part for change in changes for part in ("--set", change)]
    run = sales.folder / "refused"
    assert main(["train", str(sales.folder / "sales.yaml"), "--run", str(run), *sets]) != 0
    assert message in capsys.readouterr().err
    assert not run.exists()
