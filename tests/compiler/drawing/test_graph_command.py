"""`dlc graph -o`: what it writes, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from checking import SPECS

from dlc.compiler.cli.main import main

LENET = str(SPECS / "lenet5.yaml")
Captured = pytest.CaptureFixture[str]


def test_the_suffix_says_what_is_written(tmp_path: Path, capsys: Captured) -> None:
    for suffix in ("svg", "html", "SVG"):
        target = tmp_path / suffix / f"net.{suffix}"
        assert main(["graph", LENET, "-o", str(target)]) == 0
        assert capsys.readouterr().out == f"written: {target}\n"
    ElementTree.parse(tmp_path / "svg" / "net.svg")
    assert (tmp_path / "html" / "net.html").read_text().startswith("<!doctype html>")


def test_without_a_file_the_text_is_printed_as_ever(capsys: Captured) -> None:
    assert main(["graph", LENET]) == 0
    assert capsys.readouterr().out.startswith("dlc graph 1\nprogram LeNet5\n")


def test_a_file_that_is_there_is_kept(tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "net.svg"
    target.write_text("mine")
    assert main(["graph", LENET, "-o", str(target)]) == 2
    assert capsys.readouterr().err == (
        f"error[E0611]: `{target}` exists\n"
        "  = help: `--force` replaces it\n"
        "  = explain: dlc explain E0611\n"
    )
    assert target.read_text() == "mine"
    assert main(["graph", LENET, "-o", str(target), "--force"]) == 0
    assert target.read_text().startswith("<svg")


def test_an_unknown_suffix_is_refused_with_those_that_are_known(
    tmp_path: Path, capsys: Captured
) -> None:
    for name in ("net.pdf", "net", "net.svg.gz"):
        assert main(["graph", LENET, "-o", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err.splitlines()[0]
        assert error.endswith(f"{name}` is neither `.svg` nor `.png` nor `.html`")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_picture(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "net.svg").mkdir()
    assert main(["graph", LENET, "-o", str(tmp_path / "net.svg"), "--force"]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_options_of_pictures_need_a_picture(capsys: Captured) -> None:
    for option in (["--depth", "1"], ["--force"]):
        assert main(["graph", LENET, *option]) == 2
        assert f"`{option[0]}` is for a picture" in capsys.readouterr().err


@pytest.mark.parametrize("depth", ["x", "-1", "1.5", "٣", "9999"])
def test_a_depth_is_a_number_of_levels(depth: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["graph", LENET, "-o", str(tmp_path / "net.svg"), f"--depth={depth}"]) == 2
    assert "is no number of levels" in capsys.readouterr().err


def test_depth_unfolds_that_many_levels(tmp_path: Path, capsys: Captured) -> None:
    spec = str(SPECS / "resnet18.yaml")
    heads = []
    for depth in ("0", "1", "2", "9"):
        target = tmp_path / f"{depth}.svg"
        assert main(["graph", spec, "-o", str(target), "--depth", depth]) == 0
        heads.append(target.read_text().count('class="outline'))
    capsys.readouterr()
    assert heads[:2] == [0, 4]
    assert heads[1] < heads[2] == heads[3]


def test_the_answer_as_json_names_the_file(tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "net.svg"
    assert main(["graph", LENET, "-o", str(target), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["file"]) == (True, str(target))


def test_a_textual_graph_is_drawn_like_its_spec(tmp_path: Path, capsys: Captured) -> None:
    assert main(["graph", LENET]) == 0
    text = tmp_path / "graph.txt"
    text.write_text(capsys.readouterr().out)
    for source, name in ((LENET, "a.svg"), (str(text), "b.svg")):
        assert main(["graph", source, "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_spec_with_errors_writes_nothing(tmp_path: Path, capsys: Captured) -> None:
    spec = tmp_path / "net.dlc"
    spec.write_text("dlc 1\nmodel Net {\n  input x: float[N, 8]\n  output y = linaer(2)\n}\n")
    assert main(["graph", str(spec), "-o", str(tmp_path / "net.svg")]) == 1
    assert "linaer" in capsys.readouterr().err
    assert not (tmp_path / "net.svg").exists()


def test_a_failed_write_leaves_the_old_picture(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "net.svg"
    target.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dlc.compiler.cli.files.os", SimpleNamespace(fsync=full, getpid=lambda: 1))
    assert main(["graph", LENET, "-o", str(target), "--force"]) == 74
    assert "no space left on device" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["net.svg"]
    assert target.read_text() == "old"


def test_without_the_renderer_a_png_is_refused_with_what_to_install(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "resvg_py" else real(name)
    )
    assert main(["graph", LENET, "-o", str(tmp_path / "net.png")]) == 2
    error = capsys.readouterr().err.splitlines()[0]
    assert error == "error[E0603]: a `.png` needs resvg: pip install 'dlc[draw]'"


def test_a_png_has_twice_the_size_of_the_drawing(tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("resvg_py")
    for name in ("net.svg", "net.png", "again.png"):
        assert main(["graph", LENET, "-o", str(tmp_path / name)]) == 0
    capsys.readouterr()
    root = ElementTree.parse(tmp_path / "net.svg").getroot()
    data = (tmp_path / "net.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = struct.unpack(">II", data[16:24])
    assert size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
    assert (tmp_path / "again.png").read_bytes() == data


def test_a_picture_without_words_is_refused(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("resvg_py")
    monkeypatch.setattr("dlc.compiler.drawing.png._drawn", lambda text, family: b"")
    assert main(["graph", LENET, "-o", str(tmp_path / "net.png")]) == 2
    assert "no font is installed" in capsys.readouterr().err


def test_a_png_beyond_all_bounds_is_refused(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("resvg_py")
    monkeypatch.setattr("dlc.compiler.drawing.png._MOST_PIXELS", 1000)
    assert main(["graph", LENET, "-o", str(tmp_path / "net.png")]) == 2
    assert "pixels" in capsys.readouterr().err
    assert not (tmp_path / "net.png").exists()
