"""Answers made by a Ray cluster: the bytes of one process, wherever each part was made."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv, parquet

from dlc.compiler.cli.main import main
from dlc.runtime.failures import Failure
from dlc.runtime.prediction import ray_data
from dlc.runtime.prediction.encoding import format_of
from dlc.runtime.prediction.parts import open_parts
from dlc.runtime.prediction.request import Job, Request
from dlc.runtime.training.signals import Stop
from tests.runtime.conftest import flowers


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that can be read from the middle, and one that cannot, with a bad row."""
    folder = tmp_path_factory.mktemp("rows")
    parquet.write_table(
        flowers(np.random.default_rng(0), 1_000), folder / "0.parquet", row_group_size=100
    )
    csv.write_csv(flowers(np.random.default_rng(1), 300), folder / "1.csv")
    lines = (folder / "1.csv").read_text().splitlines()
    lines[150] = "1,iris,x,2,3,4"
    (folder / "1.csv").write_text("\n".join(lines) + "\n")
    return folder


def request(trained, rows: Path, *, skip: bool = True) -> Request:
    data = tuple(str(rows / name) for name in ("0.parquet", "1.csv"))
    return Request(
        model=trained.model, data=data, provider="cpu", batch_size=16, keep=("id",), skip=skip
    )


def answered_as_ray_does(job: Job, out: Path) -> tuple[Path, list[tuple[int, int]]]:
    """The tasks and the actors one after another, the last first."""
    with open_parts(out, format_of(out), job.identity(".arrow"), resume=True) as folder:
        stretches = ray_data.stretches(job, folder, 160)
        reader = ray_data.Reader(
            request=job.request,
            columns=tuple(tuple(job.columns(index)) for index in range(2)),
            size=job.size,
            chunk_rows=64,
        )
        answerer = ray_data.Answerer(job.request, folder.format)
        found = []
        for stretch in reversed(stretches):
            for chunk in reader({name: [value] for name, value in stretch.items()}):
                row = answerer(chunk)
                found.append({name: values[0] for name, values in row.items()})
        ended = ray_data._kept(iter(found), folder, Stop(), lambda *_: None)
        assert ended
        assert folder.skipped == 1
        folder.join()
        folder.remove()
    return out, [(s["file"], s["after"]) for s in stretches]


def test_parts_made_anywhere_join_to_the_file_of_one_process(trained, rows, tmp_path):
    whole = tmp_path / "whole.parquet"
    given = [str(trained.model), *request(trained, rows).data, "-o", str(whole)]
    more = ["--batch-size", "16", "--keep", "id", "--on-bad-sample", "skip", "--provider", "cpu"]
    assert main(["predict", *given, *more]) == 0
    out, stretches = answered_as_ray_does(Job(request(trained, rows)), tmp_path / "ray.parquet")
    assert out.read_bytes() == whole.read_bytes()
    assert stretches == [*((0, after) for after in range(0, 1_000, 160)), (1, 0)]


def test_a_failure_comes_back_as_it_was(trained, rows):
    job = Job(request(trained, rows, skip=False))
    reader = ray_data.Reader(
        request=job.request,
        columns=tuple(tuple(job.columns(index)) for index in range(2)),
        size=16,
        chunk_rows=64,
    )
    answerer = ray_data.Answerer(job.request, format_of(Path("o.parquet")))
    chunks = list(reader({"file": [1], "after": [0], "last": [0]}))
    told = [answerer(chunk)["error"][0] for chunk in chunks]
    assert [bool(text) for text in told] == [False, False, True, False, False]
    error = ray_data._raised(told[2])
    assert isinstance(error, Failure)
    assert (error.diagnostic.code.number, error.exit_code) == ("E0606", 65)
    assert "row 150" in error.diagnostic.message


@pytest.mark.parametrize("words", [["--limit", "5"], ["--split", "test"]])
def test_few_rows_need_no_cluster(trained, tmp_path, capsys, words):
    given = [str(trained.model), str(trained.data), "-o", str(tmp_path / "o.csv")]
    assert main(["predict", *given, "--executor", "ray", *words]) == 2
    assert "error[E0311]" in capsys.readouterr().err


def test_on_ray_itself(trained, rows, tmp_path):
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'dlc[ray]'")
    whole, out = tmp_path / "whole.parquet", tmp_path / "ray.parquet"
    more = [
        *("--batch-size", "16", "--chunk-rows", "64", "--keep", "id", "--numbers"),
        *("--on-bad-sample", "skip", "--provider", "cpu"),
    ]
    given = [str(trained.model), *request(trained, rows).data, *more]
    assert main(["predict", *given, "-o", str(whole)]) == 0
    command = [sys.executable, "-m", "dlc.compiler.cli.main", "predict", *given, "-o", str(out)]
    child = subprocess.run(
        [*command, "--executor", "ray", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(child.stdout)
    assert (found["rows"], found["skipped"]["count"]) == (1_299, 1)
    assert out.read_bytes() == whole.read_bytes()
