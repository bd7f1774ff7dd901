"""Formats of data files: what they give, compressed or not, and what of them is refused."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from dlc.runtime.data.formats import compression
from dlc.runtime.data.formats.idx import IdxTable
from dlc.runtime.data.formats.image_folder import ImageFolder
from dlc.runtime.data.formats.joined import JoinedTable
from dlc.runtime.data.formats.text_lines import TextLinesTable
from dlc.runtime.data.tables import open_table
from dlc.runtime.failures import Failure


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def idx(array: np.ndarray[Any, Any], code: int) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()


def message(read: Callable[[], Any]) -> str:
    with pytest.raises(Failure) as caught:
        read()
    assert caught.value.diagnostic.code.number in ("E0603", "E0604", "E0606")
    return caught.value.diagnostic.message


def all_rows(path: Path, format: str) -> dict[str, list[Any]]:
    table = open_table(path, format)
    rows: dict[str, list[Any]] = table.read(table.names).to_pydict()
    return rows


# ── compression ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    ("name", "format", "content"),
    [
        ("a.csv", "csv", b"n,w\n1,x\n2,y\n"),
        ("a.tsv", "tsv", b"n\tw\n1\tx\n2\ty\n"),
        ("a.jsonl", "json_lines", b'{"n": "1", "w": "x"}\n{"n": "2", "w": "y"}\n'),
    ],
)
def test_compressed_tables_are_read_as_plain_ones(
    tmp_path: Path, name: str, format: str, content: bytes, suffix: str
) -> None:
    packed = {"": lambda b: b, ".gz": gzip.compress, ".zst": zstd}[suffix](content)
    path = tmp_path / (name + suffix)
    path.write_bytes(packed)
    assert all_rows(path, format) == {"n": ["1", "2"], "w": ["x", "y"]}


def test_numbers_of_a_csv_file_come_as_numbers_where_all_of_them_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('n,m,w\n1.5,,1\n-2e3,7,2\n.1,"8",3\n')
    table = open_table(path, "csv")
    found = table.read(["n", "m", "w"], ["n", "m"])
    assert found.to_pydict() == {
        "n": [1.5, -2000.0, 0.1],
        "m": [None, 7.0, 8.0],
        "w": ["1", "2", "3"],
    }
    # One that is none makes texts of all, so that it can be named.
    path.write_text("n,m,w\n1.5,x,1\n2,3,2\n")
    found = table.read(["n", "m", "w"], ["n", "m"])
    assert found.to_pydict() == {"n": ["1.5", "2"], "m": ["x", "3"], "w": ["1", "2"]}
    # So does a line that is longer than what numbers are read from at once.
    path.write_text("n,m,w\n1.5,2," + "x" * (2 << 20) + "\n2,3,2\n")
    assert table.read(["n", "w"], ["n"]).column("n").to_pylist() == ["1.5", "2"]


def test_rows_that_are_cut_short_are_left_out_of_numbers_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,m\n1,2\n3\n5,6\n")
    table = open_table(path, "csv")
    assert "row 2: 1 value where the header names 2" in message(lambda: table.read(["n"], ["n"]))
    table.skip = True
    assert table.read(["n"], ["n"]).to_pydict() == {"n": [1.0, 5.0]}
    assert [row.row for row in table.skipped] == [2]


def test_members_of_a_gzip_file_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"n\n1\n") + gzip.compress(b"2\n"))
    assert all_rows(path, "csv") == {"n": ["1", "2"]}


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("format", ["csv", "json_lines", "text_lines"])
def test_a_bomb_is_refused_before_it_is_whole(
    tmp_path: Path, format: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 1 << 20)
    line = {"csv": b"a\n", "json_lines": b'{"a": 1}\n', "text_lines": b"a\n"}[format]
    content = line * ((8 << 20) // len(line))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(content, 9) if suffix == ".gz" else zstd(content))
    assert "times its size or more" in message(lambda: all_rows(path, format))


@pytest.mark.parametrize("damage", ["cut", "flip", "plain"])
def test_a_damaged_compressed_file_is_refused(tmp_path: Path, damage: str) -> None:
    draw = np.random.default_rng(0)
    good = gzip.compress(("n\n" + "\n".join(map(str, draw.integers(0, 9**9, 5000)))).encode())
    bad = {"cut": good[:-200], "flip": good[:99] + b"\0\xff\0" + good[102:], "plain": b"n\n1\n"}
    path = tmp_path / "a.csv.gz"
    path.write_bytes(bad[damage])
    assert "a.csv.gz" in message(lambda: all_rows(path, "csv"))


# ── Arrow ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["file", "stream", "feather", "compressed"])
def test_arrow_files_and_streams(tmp_path: Path, kind: str) -> None:
    table = pa.table({"n": list(range(10)), "w": [[float(i), 1.0] for i in range(10)]})
    path = tmp_path / "a.arrow"
    if kind == "feather":
        feather.write_feather(table, path)
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd" if kind == "compressed" else None)
        new = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
        with new(str(path), table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=4)
    assert all_rows(path, "arrow") == table.to_pydict()
    chunks = list(open_table(path, "arrow").chunks(["n"], rows=3))
    assert max(chunk.num_rows for chunk in chunks) == 3


@pytest.mark.parametrize("content", [b"", b"FEA1 once", b"ARROW1\0\0 and nothing", b"no arrow"])
def test_what_is_no_arrow_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.arrow"
    path.write_bytes(content)
    assert "a.arrow" in message(lambda: all_rows(path, "arrow"))


# ── NumPy ────────────────────────────────────────────────────────────────────


def test_arrays_are_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    np.savez_compressed(
        path, pixels=pixels, y=np.array([1, 0, 1, 0], ">i4"), kind=np.array(["a", "b", "a", "c"])
    )
    found = all_rows(path, "npz")
    assert found["pixels"] == pixels.reshape(4, 6).tolist()
    assert found["y"] == [1, 0, 1, 0]
    assert found["kind"] == ["a", "b", "a", "c"]


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_what_of_numpy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: npz(path, a=np.arange(3), b=np.arange(4)), "`a` has 3 rows, `b` 4"),
        (lambda: npz(path, a=np.array(3)), "`a` is one value"),
        (lambda: npz(path, a=np.array([{}, 1], object)), "`a` holds Python objects"),
        (lambda: npz(path, a=np.zeros(3, complex)), "`a` holds `complex128`"),
        (lambda: path.write_bytes(b"PK no zip"), "it cannot be read"),
        (lambda: npz(path), "no array is in it"),
    ]
    for write, says in cases:
        write()
        assert says in message(lambda: all_rows(path, "npz"))


def test_arrays_that_expand_or_promise_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros(40 << 20, np.uint8))
    assert "`a` expands to 40 MiB" in message(lambda: all_rows(path, "npz"))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": (1 << 50,), "fortran_order": False, "descr": "<f8"}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", header.getvalue() + b"\0" * 64)
    assert "`a` is shorter than its header says" in message(lambda: all_rows(path, "npz"))


# ── IDX ──────────────────────────────────────────────────────────────────────

PIXELS = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
DIGITS = np.array([7, 0, 9], np.uint8)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_images_and_labels_as_mnist_has_them(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix else bytes
    images, labels = tmp_path / f"images-ubyte{suffix}", tmp_path / f"labels-ubyte{suffix}"
    images.write_bytes(pack(idx(PIXELS, 0x08)))
    labels.write_bytes(pack(idx(DIGITS, 0x08)))
    table = IdxTable(images, labels)
    assert table.names == ("image", "label")
    found = table.read(["image", "label"])
    assert found["image"].to_pylist() == PIXELS.reshape(3, 4).tolist()
    assert found["label"].to_pylist() == [7, 0, 9]
    assert found["image"].type.value_type == pa.uint8()
    assert IdxTable(images).names == ("image",)
    assert IdxTable(labels).names == ("label",)


@pytest.mark.parametrize("code", [0x09, 0x0B, 0x0C, 0x0D, 0x0E])
def test_every_number_type_of_idx(tmp_path: Path, code: int) -> None:
    type = {0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}[code]
    path = tmp_path / "a.idx"
    path.write_bytes(idx(np.array([-1, 100], type), code))
    assert IdxTable(path).read(["label"])["label"].to_pylist() == [-1, 100]


def test_damaged_idx_files_are_refused(tmp_path: Path) -> None:
    path, labels = tmp_path / "a.idx", tmp_path / "b.idx"
    whole = idx(PIXELS, 0x08)
    for content, says in (
        (b"", "the file is empty"),
        (b"\1\2\3\4", "does not start as an IDX file"),
        (whole[:9], "its header is damaged"),
        (whole[:-3], "it ends in row 3 of 3"),
        (whole + b"x", "it goes on after its last row"),
        (bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"x", "it ends in row 1"),
    ):
        path.write_bytes(content)
        assert says in message(lambda: IdxTable(path).read(["image"]))
    path.write_bytes(whole)
    labels.write_bytes(idx(DIGITS[:2], 0x08))
    assert "3 images, `b.idx` 2 labels" in message(lambda: IdxTable(path, labels))
    assert "images where labels are wanted" in message(lambda: IdxTable(path, path))


# ── text ─────────────────────────────────────────────────────────────────────


def test_lines_are_samples_and_empty_ones_too(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes('\ufeffone, "two"\r\n\n dreißig'.encode())
    assert all_rows(path, "text_lines") == {"line": ['one, "two"', "", " dreißig"]}
    parts = list(open_table(path, "text_lines").chunks(["line"], rows=2))
    assert [part.num_rows for part in parts] == [2, 1]


def test_texts_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("a\nb\n")
    (tmp_path / "de.txt.gz").write_bytes(gzip.compress(b"x\ny\n"))
    texts = {"english": tmp_path / "en.txt", "german": tmp_path / "de.txt.gz"}
    table = TextLinesTable(tmp_path, texts)
    assert table.names == ("english", "german")
    assert table.read(["german", "english"]).to_pydict() == {
        "german": ["x", "y"],
        "english": ["a", "b"],
    }
    assert len(table.sha256()) == 64


def test_texts_out_of_step_are_refused(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("a\nb\n")
    (tmp_path / "de.txt").write_text("x\n")
    table = TextLinesTable(tmp_path, {"e": tmp_path / "en.txt", "d": tmp_path / "de.txt"})
    says = message(lambda: table.read(["e", "d"]))
    assert "de.txt`: it ends after 1 lines, `en.txt` does not" in says
    (tmp_path / "de.txt").write_bytes(b"x\n\xff\n")
    assert "de.txt`, row 2: the text is not UTF-8" in message(lambda: table.read(["e", "d"]))
    (tmp_path / "en.txt").write_bytes(b"")
    assert "the file is empty" in message(lambda: all_rows(tmp_path / "en.txt", "text_lines"))


# ── folders of images ────────────────────────────────────────────────────────


def test_a_folder_of_images_names_their_classes(tmp_path: Path) -> None:
    for name in ("dog/2.JPG", "dog/1.png", "cat/kit/a.jpeg", "cat/notes.txt", ".git/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    table = ImageFolder(tmp_path)
    assert table.read(["label", "image"]).to_pydict() == {
        "label": ["cat", "dog", "dog"],
        "image": ["cat/kit/a.jpeg", "dog/1.png", "dog/2.JPG"],
    }
    assert table.origin.at(2)[0].name == "1.png"
    before = table.sha256()
    (tmp_path / "dog/1.png").write_bytes(b"xy")
    assert ImageFolder(tmp_path).sha256() != before


def test_images_without_classes_have_no_label(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    assert ImageFolder(tmp_path).names == ("image",)
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog/b.png").write_bytes(b"x")
    assert "`a.png` is in no folder of a class" in message(lambda: ImageFolder(tmp_path))


def test_folders_that_are_none(tmp_path: Path) -> None:
    assert "no folder" in message(lambda: ImageFolder(tmp_path / "none"))
    assert "there is no image in it" in message(lambda: ImageFolder(tmp_path))
    (tmp_path / "a.png").write_bytes(b"x")
    assert "not a folder" in message(lambda: ImageFolder(tmp_path / "a.png"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/b.png").symlink_to(tmp_path / "a.png")
    assert "the link leaves" in message(lambda: ImageFolder(tmp_path / "data"))
    assert ImageFolder(tmp_path / "data", tmp_path).names == ("image",)


# ── several files ────────────────────────────────────────────────────────────


def test_files_with_the_same_columns_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,w\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("w,n\nz,3\n")
    parts = [open_table(tmp_path / name, "csv") for name in ("a.csv", "b.csv")]
    table = JoinedTable(tmp_path / "*.csv", parts)
    assert table.read(["n", "w"]).to_pydict() == {"n": ["1", "2", "3"], "w": ["x", "y", "z"]}
    assert table.counts == [2, 1]
    assert table.origin.at(3) == (tmp_path / "b.csv", 1)
    assert table.origin.at(2) == (tmp_path / "a.csv", 2)
    (tmp_path / "b.csv").write_text("w\nz\n")
    parts = [open_table(tmp_path / name, "csv") for name in ("a.csv", "b.csv")]
    says = message(lambda: JoinedTable(tmp_path / "*.csv", parts))
    assert "b.csv`: it lacks the column `n`" in says
