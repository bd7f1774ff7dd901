"""`dlc bench` on a run, on files and on a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.benching import judging
from dlc.runtime.bundle.manifest import damages, read_manifest
from dlc.runtime.bundle.opening import processors, settings_beside
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.bundle.writing import store_settings

QUICK = ["--seconds", "1", "--batch", "1,8"]


@pytest.fixture
def bench(capsys):
    """Runs the command; gives the status, and the object or the streams."""

    def run(*words: object, text: bool = False):
        given = [str(word) for word in words]
        status = main(["bench", *given, *([] if text else ["--format", "json"])])
        streams = capsys.readouterr()
        return status, (streams.out, streams.err) if text else json.loads(streams.out)

    return run


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "flowers"
    assert main(["export", str(trained.run), "--bundle", str(out)]) == 0
    return out


@pytest.fixture
def bundle(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def test_a_run_is_measured_by_torch_and_by_its_file(trained, bench):
    status, found = bench(trained.run, *QUICK, "--no-compile")
    assert status == 0
    assert found["asked"].startswith("rows of the test part of ")
    assert found["baseline"].startswith("PyTorch, CPU")
    rows = found["measurements"]
    assert {row["model"] for row in rows} == {"PyTorch", "model.onnx"}
    assert {row["batch"] for row in rows} == {1, 8}
    assert {row["threads"] for row in rows} == {1, processors()}
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in rows)
    assert all(row["same"] == 1.0 and row["largest_difference"] < 1e-4 for row in rows)
    assert {row["metrics"].get("accuracy") for row in rows if row["model"] == "model.onnx"} == {1.0}
    assert sum(row["chosen"] for row in rows) == 2
    assert not found["stored"]
    assert "a bundle keeps it" in found["chosen"]


def test_the_table_says_all_of_it(trained, bench):
    status, (out, err) = bench(trained.run, *QUICK, "--no-compile", text=True)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "batch 1"
    assert lines[1].split()[:3] == ["model", "runs", "on"]
    assert any(line.startswith("model.onnx *") for line in lines)
    assert any(line.startswith("speed and difference are against PyTorch") for line in lines)
    assert any(line.startswith("chosen for model.onnx: provider ") for line in lines)


def test_the_winner_is_kept_in_the_bundle_and_used(bundle, trained, bench, monkeypatch):
    store_settings(bundle, SessionSettings(intra_op_threads=1, graph_optimization="basic"))
    # Whoever runs with one thread wins, whatever this machine says.
    real = judging.speed
    won = []

    def speed(ours, yardstick):
        won.append(real(ours, yardstick))
        return float(len(won))

    monkeypatch.setattr(judging, "speed", speed)
    status, found = bench(bundle, *QUICK, "--data", trained.data)
    assert status == 0
    assert found["stored"]
    settings = settings_beside(bundle / "model.onnx")
    chosen = next(row for row in found["measurements"] if row["chosen"])
    assert settings.intra_op_threads == (0 if chosen["threads"] == processors() else 1)
    assert settings.allow_spinning == chosen["spinning"]
    # The CPU is not fixed where no device was there to be tried.
    assert settings.provider != "cpu"
    assert settings.graph_optimization == "all"
    assert not damages(bundle, read_manifest(bundle))
    out = bundle.parent / "answers.csv"
    assert main(["predict", str(bundle), str(trained.data), "-o", str(out)]) == 0


def test_a_dry_run_keeps_nothing(bundle, bench):
    stored = SessionSettings(intra_op_threads=1, allow_spinning=True)
    store_settings(bundle, stored)
    status, found = bench(bundle, *QUICK, "--dry-run")
    assert (status, found["stored"]) == (0, False)
    assert settings_beside(bundle / "model.onnx") == stored
    assert found["asked"].startswith("numbers drawn")


def test_files_are_compared_and_told_apart(trained, tmp_path, bench):
    same, other = tmp_path / "model.onnx", tmp_path / "changed.onnx"
    shutil.copy(trained.model, same)
    import onnx
    from onnx import numpy_helper

    model = onnx.load(trained.model)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2:
            values = -numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
            break
    onnx.save(model, other)
    status, found = bench(trained.model, same, other, *QUICK, "--data", trained.data)
    assert status == 0
    by_name = {row["model"]: row for row in found["measurements"] if row["threads"] == 1}
    assert len(by_name) == 3
    assert not by_name["changed.onnx"]["close"]
    assert by_name["changed.onnx"]["same"] < 1.0
    assert by_name["changed.onnx"]["metrics"]["accuracy"] < 1.0
    names = [name for name in by_name if name != "changed.onnx"]
    assert all(name.endswith("model.onnx") for name in names)


@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_a_chart_is_drawn(trained, tmp_path, bench, suffix):
    pytest.importorskip("matplotlib")
    out = tmp_path / f"bench.{suffix}"
    status, found = bench(trained.model, *QUICK, "--no-metric", "-o", out)
    text = out.read_text()
    assert (status, found["output"]) == (0, str(out))
    assert "model.onnx" in text
    assert "rows/s" in text
    if suffix == "svg":
        import xml.etree.ElementTree as ElementTree

        assert ElementTree.fromstring(text).tag.endswith("svg")
    else:
        assert "Batches of 8" in text
        assert "<script" not in text


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["-o", "bench.png"], 2, "E0611"),
        (["--threads", "4096"], 2, "E0944"),
        (["--data", "none.csv"], 65, "E0604"),
        (["none.onnx"], 2, "E0611"),
    ],
)
def test_mistakes_are_told_with_a_code(trained, bench, words, status, code):
    found, (out, err) = bench(trained.model, *QUICK, *words, text=True)
    assert (found, out) == (status, "")
    assert f"error[{code}]" in err


@pytest.mark.parametrize("words", [["--batch", "0"], ["--batch", "1,x"], ["--seconds", "0"]])
def test_sizes_and_seconds_are_numbers_above_zero(trained, bench, words):
    assert bench(trained.model, *words, text=True)[0] == 2


def test_precisions_are_made_of_a_run_and_compared(trained, bench):
    given = [trained.run, *QUICK, "--no-compile", "--precision", "half,int8_dynamic"]
    status, found = bench(*given)
    assert status == 0
    rows = {row["model"]: row for row in found["measurements"]}
    absent = {each["what"]: each["reason"] for each in found["left_out"]}
    assert {"PyTorch", "model.onnx"} <= set(rows)
    for name in ("fp16", "int8_dynamic"):
        assert (name in rows) != (name in absent)
        # Whatever is smaller is no exact copy, and says so.
        assert name not in rows or rows[name]["largest_difference"] > 0
        assert name not in rows or rows[name]["metrics"]["accuracy"] > 0.9
    assert {row["model"] for row in found["measurements"] if row["chosen"]} == {"model.onnx"}


def test_precisions_of_a_file_are_other_files(trained, bench):
    status, (_, err) = bench(trained.model, "--precision", "int8", text=True)
    assert status == 2
    assert "error[E0311]" in err
    assert bench(trained.run, "--precision", "int4", text=True)[0] == 2


@pytest.mark.full
def test_the_compiler_takes_part(trained, bench):
    status, found = bench(trained.run, *QUICK, "--no-metric")
    assert status == 0
    told = {row["model"] for row in found["measurements"]} | {
        each["what"] for each in found["left_out"]
    }
    assert "torch.compile" in told
