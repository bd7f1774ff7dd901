"""Reading a spec from a path, whatever is there."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from dlc.compiler.cli.main import main
from dlc.compiler.cli.output import MAX_BYTES, CommandError, read_source, wants_color
from dlc.compiler.diagnostics.model import DiagnosticError


def refused(path: Path) -> CommandError:
    with pytest.raises(CommandError) as caught:
        read_source(path)
    return caught.value


def test_the_suffix_says_the_surface(tmp_path: Path) -> None:
    for name, surface in (("a.yaml", "yaml"), ("a.yml", "yaml"), ("a.dlc", "dlc")):
        (tmp_path / name).write_bytes("dlc: 1\r\n# 名\n".encode())
        source = read_source(tmp_path / name)
        assert source.surface == surface
        assert source.text == "dlc: 1\r\n# 名\n"
        assert source.name == str(tmp_path / name)


def test_a_file_that_is_not_there_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "lenet5.yaml").write_text("dlc: 1\n")
    error = refused(tmp_path / "lenet.yaml")
    assert error.status == 2
    [found] = error.diagnostics
    assert found.code.number == "E0611"
    assert found.help == f"there is a file with a similar name: `{tmp_path / 'lenet5.yaml'}`"


def test_folders_pipes_devices_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "net.txt").write_text("dlc 1\n")
    said = {
        tmp_path: "is a folder",
        tmp_path / "pipe.yaml": "is not a regular file",
        tmp_path / "zero.yaml": "is not a regular file",
        tmp_path / "net.txt": "is neither a `.yaml` nor a `.dlc` file",
        Path("a\0b.yaml"): "is no path",
    }
    for path, text in said.items():
        error = refused(path)
        assert text in error.diagnostics[0].message
        assert error.status == 2


def test_more_than_8_mib_is_refused_unread(tmp_path: Path) -> None:
    with open(tmp_path / "big.yaml", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    error = refused(tmp_path / "big.yaml")
    assert error.diagnostics[0].code.number == "E0110"
    assert error.status == 1


@pytest.mark.parametrize(
    ("data", "place", "hint"),
    [
        (b"dlc: 1\nname: \xff\n", "2:7", "save the file as UTF-8"),
        ("dlc: 1\n".encode("utf-16"), "1:1", "save the file as UTF-8, not UTF-16"),
        ("# 名é ".encode() + b"\xc3", "1:6", "save the file as UTF-8"),
        (b"\xed\xa0\x80", "1:1", "save the file as UTF-8"),
    ],
)
def test_bytes_that_are_no_text_are_shown_where_they_stand(
    tmp_path: Path, data: bytes, place: str, hint: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(DiagnosticError) as caught:
        read_source(path)
    [found] = caught.value.diagnostics
    assert found.code.number == "E0111"
    assert found.primary is not None
    assert str(found.primary.span) == f"{path}:{place}"
    assert found.help == hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_io_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("dlc: 1\n")
    path.chmod(0)
    assert refused(path).status == 74


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color("auto", Terminal())
    assert not wants_color("auto", io.StringIO())
    assert wants_color("always", io.StringIO())
    assert not wants_color("never", Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color("auto", Terminal())


def test_a_byte_order_mark_is_found_where_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfdlc: 1\n")
    assert main(["check", str(path), "--format", "concise"]) == 1
    assert capsys.readouterr().out == f"{path}:1:1: E0111 a byte order mark\n"
