"""`dlc build`, `dlc cost` and `dlc graph`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlc.compiler.cli import build
from dlc.compiler.cli.main import main

SPECS = Path(__file__).resolve().parents[3] / "specs"
LENET = str(SPECS / "lenet5.yaml")

Captured = pytest.CaptureFixture[str]


def test_a_build_writes_the_module_and_what_it_was_made_from(
    tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "out"
    assert main(["build", LENET, "-o", str(folder)]) == 0
    assert "LeNet5, 61,718 parameters" in capsys.readouterr().out
    assert sorted(p.name for p in folder.iterdir()) == [
        "build.json",
        "graph.txt",
        "model.py",
        "resolved.yaml",
    ]
    manifest = json.loads((folder / "build.json").read_text())
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert manifest["proof"] == "meta"
    assert list(manifest["sources"]) == ["lenet5.yaml"]
    assert str(tmp_path) not in (folder / "build.json").read_text()


def test_building_again_gives_the_same_bytes(tmp_path: Path, capsys: Captured) -> None:
    for folder in ("a", "b"):
        assert main(["build", LENET, "-o", str(tmp_path / folder)]) == 0
    capsys.readouterr()
    for name in ("model.py", "build.json", "graph.txt", "resolved.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_resolved_spec_builds_the_same_module(tmp_path: Path, capsys: Captured) -> None:
    assert main(["build", LENET, "-o", str(tmp_path / "a"), "--set", "p=0.5"]) == 0
    resolved = str(tmp_path / "a" / "resolved.yaml")
    assert main(["build", resolved, "-o", str(tmp_path / "b")]) == 0
    capsys.readouterr()
    module = (tmp_path / "a" / "model.py").read_text()
    assert "nn.Dropout(0.5)" in module
    assert (tmp_path / "b" / "model.py").read_text() == module


def test_a_module_that_is_not_the_graph_is_not_written(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = build.generate
    monkeypatch.setattr(
        build, "generate", lambda c: real(c).replace("nn.Linear(84, 10)", "nn.Linear(84, 11)")
    )
    assert main(["build", LENET, "-o", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "error[E0504]: the parameter `logits.weight` is float32[11, 84], not" in error
    assert not (tmp_path / "out").exists()


def test_without_torch_the_syntax_alone_is_checked(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    assert main(["build", LENET, "-o", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["proof"] == "syntax"


def test_a_folder_that_cannot_be_written_is_an_io_failure(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "file").write_text("")
    assert main(["build", LENET, "-o", str(tmp_path / "file")]) == 74
    assert "cannot be written" in capsys.readouterr().err


def test_a_failed_write_leaves_the_old_files(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["build", LENET, "-o", str(tmp_path)]) == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dlc.compiler.cli.files.os", SimpleNamespace(fsync=full, getpid=lambda: 1))
    assert main(["build", LENET, "-o", str(tmp_path), "--set", "p=0.5"]) == 74
    assert "no space left on device" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_the_cost_table_is_aligned_and_ends_in_the_totals(capsys: Captured) -> None:
    assert main(["cost", LENET]) == 0
    lines = capsys.readouterr().out.partition("FLOP/byte:")[0].splitlines()
    head = ["layer", "kind", "shape", "parameters", "MACs", "bytes", "FLOP/byte"]
    assert lines[0].split() == head
    assert lines[-1].split() == ["total", "(N", "=", "1)", "61,718", "416,520", "54,936", "5.05"]
    assert len({len(line) for line in lines if line[-1].isdigit()}) == 1


def test_cost_as_json_has_the_documented_keys(capsys: Captured) -> None:
    assert main(["cost", str(SPECS / "bert_base.dlc"), "--dim", "T=16", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 109_514_298
    assert found["dims"] == {"N": 1, "T": 16}
    assert len(found["layers"]) > 12 * 8


@pytest.mark.parametrize("text", ["T", "T=", "T=0", "T=1.5", "=3", "T=-1"])
def test_a_size_that_is_none_is_a_mistake_in_the_arguments(text: str, capsys: Captured) -> None:
    assert main(["cost", LENET, "--dim", text]) == 2
    assert "write `T=128`" in capsys.readouterr().err


def test_a_graph_that_was_written_is_read_back(tmp_path: Path, capsys: Captured) -> None:
    assert main(["graph", LENET]) == 0
    text = capsys.readouterr().out
    path = tmp_path / "graph.txt"
    path.write_text(text)
    assert main(["graph", str(path)]) == 0
    assert capsys.readouterr().out == text


def test_a_graph_that_was_broken_by_hand_says_where(tmp_path: Path, capsys: Captured) -> None:
    assert main(["graph", LENET]) == 0
    path = tmp_path / "graph.txt"
    text = capsys.readouterr().out
    path.write_text(text.replace("-> float[N, 120]", "-> float[N, 121]", 1))
    assert main(["graph", str(path)]) == 1
    error = capsys.readouterr().err
    assert "error[E0503]" in error
    assert "graph.txt:21:3" in error


def test_a_graph_that_is_not_there_is_a_usage_mistake(tmp_path: Path, capsys: Captured) -> None:
    assert main(["graph", str(tmp_path / "none.txt")]) == 2
    assert main(["graph", str(tmp_path)]) == 2
    path = tmp_path / "bytes.txt"
    path.write_bytes(b"\xff\xfe\x00")
    assert main(["graph", str(path)]) == 1
    assert "not UTF-8" in capsys.readouterr().err
