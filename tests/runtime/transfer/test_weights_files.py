"""Weights files: safetensors and nothing else, whatever the name says."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from dlc.runtime.failures import Failure
from dlc.runtime.transfer.files import open_weights

TENSORS = {"a": np.arange(6, dtype="f4").reshape(2, 3), "n": np.array(7, "i8")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    save_file(TENSORS, path)
    return path


def refused(path: Path) -> Failure:
    with pytest.raises(Failure) as caught:
        open_weights(path)
    return caught.value


def test_a_file_is_read_tensor_by_tensor(file: Path) -> None:
    with open_weights(file) as opened:
        assert {name: str(t) for name, t in opened.tensors.items()} == {
            "a": "float32[2, 3]",
            "n": "int64[]",
        }
        assert np.frombuffer(opened.read("a"), "f4").tolist() == [0, 1, 2, 3, 4, 5]
        assert np.frombuffer(opened.read("n"), "i8").tolist() == [7]
        assert opened.sha256() == hashlib.sha256(file.read_bytes()).hexdigest()
        assert opened.size == file.stat().st_size


def test_what_was_checked_is_what_is_read(file: Path) -> None:
    with open_weights(file) as opened:
        other = file.with_name("other")
        save_file({"a": np.zeros((2, 3), "f4")}, other)
        os.replace(other, file)
        assert np.frombuffer(opened.read("a"), "f4").tolist() == [0, 1, 2, 3, 4, 5]


def test_a_file_that_is_cut_while_it_is_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file({"a": np.zeros(100_000, "f4")}, file)
    with open_weights(file) as opened:
        os.truncate(file, file.stat().st_size - 8)
        with pytest.raises(Failure) as caught:
            opened.read("a")
    assert caught.value.diagnostic.code.number == "E0610"
    assert "cut off" in caught.value.diagnostic.message


def test_every_truncation_is_refused(file: Path) -> None:
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert refused(file).diagnostic.code.number == "E0610"


class Canary:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("canary-was-run",))


def torch_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Canary()))


def numpy_archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def other_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")


CONVERT = (
    'python -c "import torch, safetensors.torch as s; '
    "w = torch.load('w.pt', weights_only=True, map_location='cpu'); "
    "s.save_file({k: v.clone() for k, v in w.items()}, 'w.safetensors')\""
)


@pytest.mark.parametrize(
    ("content", "message", "help"),
    [
        (pickle.dumps(Canary()), "is a pickle, which can run any code", CONVERT),
        (torch_archive, "is a pickle, which can run any code", CONVERT),
        (numpy_archive, "is an archive of numpy", "safetensors.numpy.save_file"),
        (other_archive, "is a zip archive", "safetensors.numpy.save_file"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "is an HDF5 file", "safetensors.numpy"),
        (b"GGUF\x03\0\0\0" + b"\0" * 64, "is a GGUF file", "safetensors file of the same"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-lfs", "lfs pull"),
        (b"<!DOCTYPE html><html>not found</html>", "HTML", "download"),
        (json.dumps({"metadata": {}, "weight_map": {}}).encode(), "is JSON", "one of the files"),
        (b"", "it has 0 bytes", "from its source"),
        (b"hello, world, this is text\n", "its header would take", "from its source"),
        (b"\x02\0\0\0\0\0\0\0[]", "no JSON object", "from its source"),
        (save(TENSORS) + b"\0", "1 bytes at its end belong to no tensor", "from its source"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_everything_else_is_refused_and_nothing_in_it_is_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: object,
    message: str,
    help: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("w.pt")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)  # type: ignore[operator]
    found = refused(path)
    assert found.diagnostic.code.number == "E0610"
    assert found.exit_code == 65
    assert message in found.diagnostic.message
    assert help in (found.diagnostic.help or "")
    assert not Path("canary-was-run").exists()


def test_the_line_that_converts_a_pickle_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    import shlex
    import subprocess
    import sys

    monkeypatch.chdir(tmp_path)
    shared = torch.ones(2, 3)
    torch.save({"a": shared, "b": shared}, "w.pt")
    help = refused(Path("w.pt")).diagnostic.help or ""
    words = shlex.split(help.partition(": ")[2])
    assert words[0] == "python"
    subprocess.run([sys.executable, *words[1:]], check=True, timeout=120)
    with open_weights(Path("w.safetensors")) as opened:
        assert [*opened.tensors] == ["a", "b"]


def test_a_safetensors_file_may_have_any_name(file: Path) -> None:
    other = file.rename(file.with_name("weights.bin"))
    with open_weights(other) as opened:
        assert len(opened.tensors) == 2


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "below a file", "nul"])
def test_what_is_no_file_is_told_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.safetensors"
    number = "E0611"
    if kind == "folder":
        path.mkdir()
        number = "E0610"
    elif kind == "fifo":
        os.mkfifo(path)
        number = "E0610"
    elif kind == "below a file":
        path.write_bytes(b"")
        path = path / "inner"
    elif kind == "nul":
        path = tmp_path / "a\0b"
    assert refused(path).diagnostic.code.number == number


def test_a_large_header_is_refused_by_its_length_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        file.write((1 << 30).to_bytes(8, "little") + b"{")
        file.truncate(1 << 31)  # a sparse file
    assert "over the limit" in refused(path).diagnostic.message
