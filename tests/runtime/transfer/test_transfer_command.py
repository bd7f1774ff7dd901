"""`dlc transfer`, and `dlc export --untrained` of a spec that starts from trained weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from dlc.compiler.cli.main import main

SPEC = """\
dlc: 1
name: Net
inputs:
  x: float[N, 4]
layers:
  - linear: 3
    name: stem
  - relu
  - linear: 2
    output: y
"""
TRANSFER = """\
transfer:
  weights: weights/w.safetensors
  rename:
    conv: stem
    fc: y
"""
FITS = {
    "conv.weight": np.ones((3, 4), "f4"),
    "conv.bias": np.ones(3, "f2"),
    "fc.weight": np.ones((2, 3), "f4"),
    "fc.bias": np.ones(2, "f4"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "weights").mkdir()
    (tmp_path / "net.yaml").write_text(SPEC)
    (tmp_path / "fit.yaml").write_text(SPEC + TRANSFER)
    (tmp_path / "map.yaml").write_text("dlc: 1\nrename:\n  conv: stem\n  fc: y\n")
    save_file(FITS, tmp_path / "weights" / "w.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_fits_is_told_in_two_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "fit.yaml"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out == (
        "weights/w.safetensors: 4 tensors, 350 bytes, float32, float16\n"
        "fills 4 of 4 parameters and buffers of Net: 23 of 23 numbers\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["net.yaml", "weights/w.safetensors", "--rename", "map.yaml"],
        ["net.yaml", "weights/w.safetensors", "--rename", "{conv: stem, fc: y}"],
        ["net.yaml", "weights/w.safetensors", "--rename", "{conv: stem}", "--rename", "{fc: y}"],
        ["fit.yaml", "--rename", "map.yaml"],
    ],
)
def test_a_command_may_name_the_file_and_the_map(folder: Path, words: list[str]) -> None:
    assert main(["transfer", *words]) == 0


def test_the_list_has_both_sides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["transfer", "net.yaml", "weights/w.safetensors", "--list", "--rename", "{conv: stem}"])
    out = capsys.readouterr().out
    assert out.partition("\n\n")[2].splitlines() == [
        "ours         shape   theirs",
        "stem.weight  [3, 4]  conv.weight",
        "stem.bias    [3]     conv.bias",
        "y.weight     [2, 3]",
        "y.bias       [2]",
        "             [2]     fc.bias",
        "             [2, 3]  fc.weight",
    ]


def test_the_json_answer_is_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--rename", "{stem: {from: conv, transpose: true}}", "--format", "json"]
    assert main(["transfer", "net.yaml", "weights/w.safetensors", *words]) == 1
    found = answer(capsys)
    assert (found["command"], found["ok"]) == ("transfer", False)
    assert found["unfilled"] == ["y.weight", "y.bias"]
    assert found["unused"] == ["fc.bias", "fc.weight"]
    assert found["filled"] == {"stem.bias": {"from": ["conv.bias"], "transpose": True}}
    assert [d["code"] for d in found["diagnostics"]] == ["E0702", "W0701", "W0702"]


def test_an_error_is_told_at_the_entry_and_ends_with_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.yaml").write_text(SPEC.replace("linear: 2", "linear: 9") + TRANSFER)
    assert main(["transfer", "bad.yaml"]) == 1
    err = capsys.readouterr().err
    assert "error[E0702]: `y.weight` is [9, 3], and `fc.weight` of the file is [2, 3]" in err
    assert "--> bad.yaml:15:5" in err
    assert "leave it out, `rename: {fc: null}`, before this entry" in err


def test_warnings_end_well_unless_they_are_denied(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["transfer", "net.yaml", "weights/w.safetensors", "--rename", "{conv: stem}"]
    assert main(words) == 0
    assert "warning[W0701]" in capsys.readouterr().err
    assert main([*words, "--allow", "not-transferred", "--allow", "unused-weights"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*words, "--deny", "unused-weights"]) == 1


@pytest.mark.parametrize(
    ("words", "status", "number"),
    [
        (["net.yaml"], 2, "E0309"),
        (["net.yaml", "none.safetensors"], 2, "E0611"),
        (["net.yaml", "map.yaml"], 65, "E0610"),
        (["net.yaml", "weights/w.safetensors", "--rename", "torchvision/none"], 1, "E0209"),
        (["outside.yaml"], 65, "E0604"),
    ],
)
def test_what_cannot_be_opened_is_told(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    number: str,
) -> None:
    outside = SPEC + "transfer: {weights: ../w.safetensors}\n"
    (folder / "outside.yaml").write_text(outside)
    assert main(["transfer", *words, "--format", "json"]) == status
    assert [d["code"] for d in answer(capsys)["diagnostics"]] == [number]


@pytest.mark.parametrize("path", ["none.safetensors", "../w.safetensors", "map.yaml"])
def test_a_file_that_the_spec_names_is_told_at_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    (folder / "net.yaml").write_text(f"{SPEC}transfer:\n  weights: {path}\n")
    main(["transfer", "net.yaml"])
    assert f"--> net.yaml:12:12\n12 |   weights: {path}" in capsys.readouterr().err


def test_names_in_a_file_never_reach_the_terminal_as_they_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file({**FITS, "x\x1b[31m\u202e": np.ones(1, "f4")}, "weights/w.safetensors")
    main(["transfer", "fit.yaml", "--list"])
    printed = capsys.readouterr()
    assert "\x1b[31m" not in printed.out + printed.err
    assert "\u202e" not in printed.out + printed.err


def test_neither_torch_nor_the_numbers_are_opened(folder: Path) -> None:
    script = (
        "import sys; from dlc.compiler.cli.main import main; "
        "status = main(['transfer', 'fit.yaml']); "
        "assert not {'torch', 'safetensors'} & set(sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_spec_that_starts_from_weights_is_exported_with_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    onnxruntime = pytest.importorskip("onnxruntime")
    assert main(["export", "fit.yaml", "--untrained", "-o", "fit.onnx"]) == 0
    assert "its weights are from\n  weights/w.safetensors: 4 tensors" in capsys.readouterr().out
    session = onnxruntime.InferenceSession("fit.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["y"], {"x": np.array([[1, 2, 3, 4]], "f4")})
    assert found.tolist() == [[34.0, 34.0]]  # 3 units of 1 + 2 + 3 + 4 + 1, and 1


def test_an_export_of_weights_that_do_not_fit_writes_nothing(folder: Path) -> None:
    pytest.importorskip("torch")
    (folder / "bad.yaml").write_text(SPEC.replace("linear: 2", "linear: 9") + TRANSFER)
    assert main(["export", "bad.yaml", "--untrained", "-o", "bad.onnx"]) == 1
    assert not Path("bad.onnx").exists()
