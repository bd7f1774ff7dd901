"""No import reads what lies outside the folder of the spec, or what is no plain file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from checking import check_file, only

from dlc.compiler import Source, check
from dlc.compiler.semantics.imports import MAX_IMPORT_BYTES

BLOCK = "dlc 1\nblock A { relu }\n"


def spec(path: str) -> str:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\0")
    return (
        f'dlc 1\nfrom "{quoted}" import A\n'
        "model Net {\n  input x: float[N, 8]\n  output y = A\n}\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root with a file outside, and things inside that are no plain spec files."""
    root = tmp_path / "root"
    (root / "sub.dlc").mkdir(parents=True)
    (tmp_path / "root-twin").mkdir()
    for place in (tmp_path / "outside.dlc", tmp_path / "root-twin" / "a.dlc", root / "fine.dlc"):
        place.write_text(BLOCK)
    (root / "escape.dlc").symlink_to(tmp_path / "outside.dlc")
    (root / "folder").symlink_to(tmp_path)
    (root / "zero.dlc").symlink_to("/dev/zero")
    (root / "loop.dlc").symlink_to(root / "loop.dlc")
    (root / "notes.txt").write_text(BLOCK)
    (root / "big.dlc").write_text(BLOCK + "#" * MAX_IMPORT_BYTES)
    (root / "latin.dlc").write_bytes(b"dlc 1\n# caf\xe9\nblock A { relu }\n")
    os.mkfifo(root / "pipe.dlc")
    return root


HOSTILE = {
    "../outside.dlc": "E0208",
    "sub.dlc/../../outside.dlc": "E0208",
    "../root-twin/a.dlc": "E0208",
    "escape.dlc": "E0208",
    "folder/outside.dlc": "E0208",
    "/etc/hostname.dlc": "E0208",
    "//server/share/a.dlc": "E0208",
    "~/a.dlc": "E0208",
    "C:/a.dlc": "E0208",
    "C:a.dlc": "E0208",
    "file:///etc/passwd.dlc": "E0208",
    "https://example.com/a.dlc": "E0208",
    "..\\\\outside.dlc": "E0208",
    "zero.dlc": "E0208",
    "pipe.dlc": "E0209",
    "sub.dlc": "E0209",
    "loop.dlc": "E0209",
    "notes.txt": "E0209",
    "fine": "E0209",
    "": "E0209",
    "missing.dlc": "E0209",
    "a" * 5000 + ".dlc": "E0209",
    "big.dlc": "E0110",
    "latin.dlc": "E0111",
}


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path[:40] or "empty")
def test_a_hostile_path_is_refused(folder: Path, path: str) -> None:
    (folder / "main.dlc").write_text(spec(path))
    started = time.monotonic()
    found = only(check_file(folder / "main.dlc"))
    assert time.monotonic() - started < 20  # a pipe that was opened would wait for ever
    assert found.code.number == HOSTILE[path], found.message
    assert str(folder.parent) not in found.message


def test_a_plain_path_is_read(folder: Path) -> None:
    (folder / "main.dlc").write_text(spec("fine.dlc"))
    assert check_file(folder / "main.dlc").ok
    (folder / "main.dlc").write_text(spec("sub.dlc/../fine.dlc"))
    assert check_file(folder / "main.dlc").ok


def test_a_wider_root_lets_the_parent_folder_in(folder: Path) -> None:
    path = folder / "main.dlc"
    path.write_text(spec("../outside.dlc"))
    source = Source("main.dlc", path.read_text(), "dlc")
    assert check(source, path=path, root=folder.parent).ok
    assert not check(source, path=path).ok


def test_a_spec_without_a_folder_imports_nothing() -> None:
    found = only(check(Source("main.dlc", spec("fine.dlc"), "dlc")))
    assert found.code.number == "E0208"


def test_a_null_character_never_reaches_the_file_system(folder: Path) -> None:
    path = folder / "main.yaml"
    path.write_text(
        'dlc: 1\nimport: {"fine\\0.dlc": [A]}\ninputs: {x: "float[N, 8]"}\n'
        "layers:\n  - A:\n    output: y\n"
    )
    assert not check_file(path).ok
