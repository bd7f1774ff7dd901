"""Answers that are killed and stopped in the middle, and go on: the same file, byte for byte."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from dlc.compiler.cli.main import main
from dlc.runtime.training.locking import take_soon
from tests.runtime.conftest import flowers

COMMAND = [sys.executable, "-m", "dlc.compiler.cli.main", "predict"]
ROWS = 3_200


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    for index in range(2):
        table = flowers(np.random.default_rng(index), ROWS // 2)
        parquet.write_table(table, folder / f"{index}.parquet", row_group_size=500)
    return folder


@pytest.fixture(scope="module")
def whole(trained, rows, tmp_path_factory) -> dict[str, bytes]:
    """What an undisturbed run writes, by suffix."""
    folder, found = tmp_path_factory.mktemp("whole"), {}
    for suffix in ("parquet", "csv", "jsonl"):
        out = folder / f"whole.{suffix}"
        assert main(["predict", *words(trained.model, rows, out, "--chunk-rows", "1000")]) == 0
        found[suffix] = out.read_bytes()
    return found


def words(model: Path, rows: Path, out: Path, *more: str) -> list[str]:
    """Small batches, so that there is a middle to be killed in."""
    return [
        *(str(model), str(rows / "*.parquet"), "-o", str(out), "--batch-size", "4"),
        *("--chunk-rows", "100", "--keep", "id", "--numbers", "--provider", "cpu", *more),
    ]


def begin(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def parts_in(out: Path) -> int:
    lines = out.with_name(f"{out.name}.parts") / "parts.jsonl"
    return lines.read_bytes().count(b"\n") if lines.exists() else 0


def wait_for_parts(child: subprocess.Popen[str], out: Path, count: int) -> None:
    until = time.monotonic() + 60
    while parts_in(out) < count and child.poll() is None and time.monotonic() < until:
        time.sleep(0.002)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_killed_four_times_the_file_is_the_one_of_an_undisturbed_run(
    trained, rows, whole, tmp_path, suffix
):
    out = tmp_path / f"out.{suffix}"
    draw, kills = random.Random(suffix), 0
    for _ in range(4):
        child = begin(words(trained.model, rows, out, "--resume"))
        wait_for_parts(child, out, parts_in(out) + draw.randint(1, 6))
        time.sleep(draw.random() * 0.01)
        child.kill()
        kills += child.wait() == -signal.SIGKILL
        child.communicate()
    assert kills == 4
    assert not out.exists()
    assert main(["predict", *words(trained.model, rows, out, "--resume")]) == 0
    assert out.read_bytes() == whole[suffix]
    assert sorted(p.name for p in tmp_path.iterdir()) == [out.name, f"{out.name}.json"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_what_is_answered(trained, rows, whole, tmp_path, number):
    out = tmp_path / "out.jsonl"
    child = begin(words(trained.model, rows, out))
    wait_for_parts(child, out, 3)
    child.send_signal(number)
    told, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (128 + number, "")
    assert f"stopped by {number.name}" in told
    assert "--resume" in told
    assert not out.exists()
    assert parts_in(out) >= 3
    assert main(["predict", *words(trained.model, rows, out, "--resume")]) == 0
    assert out.read_bytes() == whole["jsonl"]


@pytest.fixture
def begun(trained, rows, tmp_path, monkeypatch) -> Path:
    """The output of a run that was interrupted after some parts."""
    from dlc.runtime.prediction import parts

    out = tmp_path / "begun.parquet"
    added = parts.PartFolder.add

    def add(self, part, table):
        added(self, part, table)
        if len(self.parts) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parts.PartFolder, "add", add)
        assert main(["predict", *words(trained.model, rows, out)]) == 130
    assert parts_in(out) == 5
    return out


def test_what_was_begun_is_never_begun_again_by_mistake(begun, trained, rows, capsys):
    assert main(["predict", *words(trained.model, rows, begun)]) == 2
    err = capsys.readouterr().err
    assert "error[E0940]" in err
    assert "500 rows" in err
    assert parts_in(begun) == 5


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--what", "label"], "other answers"),
        (["--keep", "name"], "other columns to keep"),
        (["--limit", "3000"], "another limit"),
        (["--batch-size", "8"], "another batch size"),
    ],
)
def test_another_request_does_not_go_on(begun, trained, rows, capsys, more, told):
    assert main(["predict", *words(trained.model, rows, begun, "--resume", *more)]) == 2
    err = capsys.readouterr().err
    assert "error[E0941]" in err
    assert told in err
    assert parts_in(begun) == 5


def test_other_data_and_another_model_do_not_go_on(begun, trained, rows, tmp_path, capsys):
    changed = tmp_path / "changed"
    shutil.copytree(rows, changed)
    table = flowers(np.random.default_rng(7), ROWS // 2)
    parquet.write_table(table, changed / "1.parquet")
    assert main(["predict", *words(trained.model, changed, begun, "--resume")]) == 2
    assert "other data" in capsys.readouterr().err
    import onnx

    model = onnx.load(trained.model)
    model.doc_string = "another"
    onnx.save(model, tmp_path / "other.onnx")
    assert main(["predict", *words(tmp_path / "other.onnx", rows, begun, "--resume")]) == 2
    assert "another model" in capsys.readouterr().err


def test_a_torn_line_and_a_lost_part_are_answered_again(begun, trained, rows, whole):
    folder = begun.with_name(f"{begun.name}.parts")
    lines = folder / "parts.jsonl"
    second = json.loads(lines.read_text().splitlines()[1])
    (folder / second["name"]).unlink()
    with lines.open("ab") as file:
        file.write(b'{"file": 0, "first": 501, "la')
    assert main(["predict", *words(trained.model, rows, begun, "--resume")]) == 0
    assert begun.read_bytes() == whole["parquet"]


def test_a_flipped_bit_is_found_and_mended(begun, trained, rows, whole, capsys):
    folder = begun.with_name(f"{begun.name}.parts")
    part = folder / json.loads((folder / "parts.jsonl").read_text().splitlines()[2])["name"]
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 4
    part.write_bytes(content)
    assert main(["predict", *words(trained.model, rows, begun, "--resume")]) == 1
    assert "error[E0942]" in capsys.readouterr().err
    assert not begun.exists()
    assert main(["predict", *words(trained.model, rows, begun, "--resume")]) == 0
    assert begun.read_bytes() == whole["parquet"]


def test_a_damaged_record_is_told(begun, trained, rows, capsys):
    (begun.with_name(f"{begun.name}.parts") / "record.json").write_text("[")
    assert main(["predict", *words(trained.model, rows, begun, "--resume")]) == 1
    assert "error[E0942]" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="a lock of another kind")
def test_two_never_write_one_file(begun, trained, rows, capsys):
    with (begun.with_name(f"{begun.name}.parts") / "lock").open("ab") as file:
        assert take_soon(file)
        assert main(["predict", *words(trained.model, rows, begun, "--resume")]) == 75
    assert "error[E0607]" in capsys.readouterr().err


def test_what_is_complete_is_not_answered_again(trained, rows, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.csv"
    assert main(["predict", *words(trained.model, rows, out, "--resume")]) == 0
    before = out.stat().st_mtime_ns
    from dlc.runtime.inference.predictor import Predictor

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "run", None)
        capsys.readouterr()
        assert main(["predict", *words(trained.model, rows, out, "--resume")]) == 0
    assert "complete already: 3,200 rows" in capsys.readouterr().out
    assert out.stat().st_mtime_ns == before
    out.write_bytes(out.read_bytes()[:-1])
    assert main(["predict", *words(trained.model, rows, out, "--resume")]) == 0
    assert out.read_bytes().endswith(b"\n")


def test_a_bad_row_far_in_keeps_what_stands_before_it(trained, tmp_path, capsys):
    lines = trained.data.read_text().splitlines()
    lines[90] = "90,iris,1,2,x,4"
    data, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    data.write_text("\n".join(lines) + "\n")
    given = [str(trained.model), str(data), "-o", str(out), "--batch-size", "10", "--keep", "id"]
    assert main(["predict", *given]) == 65
    assert "row 90" in capsys.readouterr().err
    assert parts_in(out) == 1
    assert main(["predict", *given, "--resume", "--on-bad-sample", "skip"]) == 0
    told = capsys.readouterr().out
    assert "left out 1 row" in told
    assert "row 90, column `m_3`" in told
    ids = [line.split(",")[0].strip('"') for line in out.read_text().splitlines()[1:]]
    assert ids == [str(row) for row in range(120) if row != 89]
