"""`dlc export --target`: what is written where, and what is refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.targets.folder import MARK, files_in
from dlc.runtime.targets.web import RUNTIME_FILES
from tests.runtime.every_kind import EveryKind


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder that looks like onnxruntime-web."""
    folder = tmp_path / "package" / "dist"
    folder.mkdir(parents=True)
    for name in RUNTIME_FILES:
        (folder / name).write_text("")
    (folder.parent / "package.json").write_text('{"version": "9.9"}')
    return folder.parent


def refused(code: str, *given: object, capsys: pytest.CaptureFixture[str], status: int) -> str:
    capsys.readouterr()
    assert main(["export", *map(str, given)]) == status
    said = capsys.readouterr().err
    assert code in said
    assert "Traceback" not in said
    return said


def test_a_run_is_written_below_it_and_written_again(
    every: EveryKind, runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["export", str(every.run), "--target", "web", "--ort-web", str(runtime)]
    capsys.readouterr()
    assert main([*given, "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    out = every.run / "web"
    assert record["path"] == str(out)
    assert record["kind"] == "web"
    assert set(files_in(out)) == {*record["files"], MARK}
    first = {name: (out / name).read_bytes() for name in files_in(out)}
    assert main(given) == 0
    assert {name: (out / name).read_bytes() for name in files_in(out)} == first
    # No path of this machine is in any of it.
    assert not [name for name, content in first.items() if str(every.folder).encode() in content]


def test_what_others_put_there_is_left_alone(
    every: EveryKind, runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [every.model, "--target", "node", "-o"]
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    said = refused("E0932", *given, out, capsys=capsys, status=2)
    assert "other files" in said
    assert files_in(out) == ["letter.txt"]
    refused("E0932", *given, out / "letter.txt", capsys=capsys, status=2)
    other = tmp_path / "ours"
    assert main(["export", *map(str, given), str(other)]) == 0
    (other / "answer.local.mjs").write_text("// mine")
    assert "answer.local.mjs" in refused("E0932", *given, other, capsys=capsys, status=2)
    (other / "answer.local.mjs").unlink()
    assert main(["export", *map(str, given), str(other)]) == 0


def test_a_failure_leaves_what_was_there(
    every: EveryKind, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    given = [
        "export",
        str(every.model),
        "--target",
        "web",
        "--ort-web",
        str(runtime),
        "-o",
        str(out),
    ]
    assert main(given) == 0
    before = {name: (out / name).read_bytes() for name in files_in(out)}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    assert main(given) == 74
    assert {name: (out / name).read_bytes() for name in files_in(out)} == before
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("package", "site")] == []


def test_the_browser_runtime_is_looked_for_and_asked_for(
    every: EveryKind,
    runtime: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [every.model, "--target", "web", "-o", tmp_path / "site"]
    said = refused("E0930", *given, "--ort-web", tmp_path, capsys=capsys, status=2)
    assert "npm install onnxruntime-web" in said
    modules = tmp_path / "node_modules"
    modules.mkdir()
    runtime.rename(modules / "onnxruntime-web")
    below = tmp_path / "some" / "folder"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert main(["export", *map(str, given)]) == 0
    assert (tmp_path / "site" / "ort" / RUNTIME_FILES[0]).is_file()


def test_what_clients_have_to_do_is_said(
    every: EveryKind, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["export", str(every.model), "--target", "triton", "-o", str(tmp_path / "out")]
    assert main(given) == 0
    said = capsys.readouterr().err
    assert "warning[W0930]" in said
    assert "`photo`: decoding" in said
    assert "`review`: normalize_unicode, lowercase, word" in said
    assert "`url`: hashing" in said
    assert "`sold`: cyclic" in said
    assert main([*given[:-1], str(tmp_path / "more"), "--deny", "W0930"]) != 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--instances", "2"], "`--instances` is for `--target triton or kserve`"),
        (["--target", "node", "--ort-web", "x"], "not for `node`"),
        (["--target", "node"], "needs a folder"),
        (["--target", "node", "-o", "x", "--bundle", "y"], "exclude each other"),
        (["--target", "node", "-o", "x", "--opset", "23"], "`--opset` cannot change"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    every: EveryKind, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused("E0311", every.model, *options, capsys=capsys, status=2)


def test_steps_that_only_python_does_are_refused(
    runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from onnx import TensorProto, helper, save

    from dlc.compiler.components.preprocessing.lowercase import Lowercase
    from dlc.runtime.export.metadata import InputColumns, ModelInfo
    from dlc.runtime.export.onnx_builder import set_metadata

    def model(element: int, dims: list[int | str], **inputs: InputColumns) -> Path:
        x = helper.make_tensor_value_info("x", element, dims)
        y = helper.make_tensor_value_info("y", element, dims)
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
        opset = [helper.make_opsetid("", 20)]
        made = helper.make_model(graph, opset_imports=opset, ir_version=9)
        set_metadata(made, ModelInfo(name="m", inputs=inputs).properties())
        save(made, tmp_path / "m.onnx")
        return tmp_path / "m.onnx"

    out = tmp_path / "site"
    options = ["--target", "web", "--ort-web", runtime, "-o", out]
    lower = InputColumns(columns=("x",), host=(Lowercase(),))
    given = model(TensorProto.STRING, ["N"], x=lower)
    assert "`lowercase`" in refused("E0931", given, *options, capsys=capsys, status=1)
    given = model(TensorProto.FLOAT, [4, 2])
    assert "4 rows" in refused("E0931", given, *options, capsys=capsys, status=1)
    given = model(TensorProto.FLOAT16, ["N", 2])
    assert "float16" in refused("E0931", given, *options, capsys=capsys, status=1)
    assert not out.exists()
