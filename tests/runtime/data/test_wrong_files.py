"""Wrong files: what is said of each, with its file, row and column; and what is left of them
where bad rows may be left out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sources.image_folder import ImageFolder
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.runtime.data.dataset import Bound, DataSet, prepare
from dlc.runtime.data.skipping import LISTED, say_skipped, skipped_record
from dlc.runtime.failures import BAD_DATA, Failure

Image = pytest.importorskip("PIL.Image")

N = symbol("N")
CLASSES = {"label": Bound(high=2, reason="`logits` has 3 classes")}


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A file that is wrong, and what is said of it. `bad` are the rows that are left out
    where that is allowed; None where nothing is left to learn from."""

    name: str
    write: Callable[[Path], Any]
    says: str
    code: str = "E0606"
    bad: tuple[int, ...] | None = None
    images: bool = False


def csv(change: Callable[[list[str]], None], count: int = 40) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        lines = [f"{i}.5,{i % 7},{i % 3}" for i in range(count)]
        change(lines)
        path.with_suffix(".csv").write_text("a,b,label\n" + "".join(f"{x}\n" for x in lines))

    return write


def put(row: int, text: str) -> Callable[[list[str]], None]:
    def change(lines: list[str]) -> None:
        lines[row - 1] = text

    return change


def every(text: str) -> Callable[[list[str]], None]:
    def change(lines: list[str]) -> None:
        lines[:] = [text] * len(lines)

    return change


def pictures(change: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        draw = np.random.default_rng(0)
        for index in range(30):
            folder = path / ("cat", "dog", "eel")[index % 3]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(0, 255, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index:02}.png")
        change(path)

    return write


def cut(path: Path) -> None:
    content = (path / "dog/04.png").read_bytes()
    (path / "dog/04.png").write_bytes(content[: len(content) // 2])


def bomb(path: Path) -> None:
    """A picture of a terapixel, in a hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 1_000_000, 1_000_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    (path / "cat/00.png").write_bytes(content)


def one_folder(path: Path) -> None:
    (path / "cat").mkdir(parents=True)
    for index in range(20):
        Image.new("L", (4, 4), index).save(path / f"cat/{index}.png")


def another_size(path: Path) -> None:
    Image.new("RGB", (5, 4)).save(path / "eel/29.png")


WRONG = (
    Wrong(
        name="missing column",
        write=lambda path: path.with_suffix(".csv").write_text("a,label\n1,2\n"),
        says="`b`, wanted for `x`, is no column of `data.csv`",
        code="E0605",
    ),
    Wrong(
        name="wrong type far down",
        write=csv(put(18_204, "1.0,two,1"), 20_000),
        says="`data.csv`, row 18,204, column `b`: `two` is not a number",
        bad=(18_204,),
    ),
    Wrong(
        name="not a number",
        write=csv(put(5, "nan,1,1")),
        says="`data.csv`, row 5, column `a`: `nan` is not a finite number",
        bad=(5,),
    ),
    Wrong(
        name="infinite",
        write=csv(put(40, "1,-inf,1")),
        says="`data.csv`, row 40, column `b`: `-inf` is not a finite number",
        bad=(40,),
    ),
    Wrong(
        name="missing value",
        write=csv(put(7, "1,,1")),
        says="`data.csv`, row 7, column `b`: the value is missing",
        bad=(7,),
    ),
    Wrong(
        name="ragged row",
        write=csv(put(9, "1,2")),
        says="`data.csv`, row 9: 2 values where the header names 3",
        code="E0604",
        bad=(9,),
    ),
    Wrong(
        name="UTF-16",
        write=lambda path: path.with_suffix(".csv").write_text("a,b,label\n1,2,1\n", "utf-16"),
        says="`data.csv`: the text is not UTF-8",
        code="E0604",
    ),
    Wrong(
        name="empty file",
        write=lambda path: path.with_suffix(".csv").write_text(""),
        says="`data.csv`: the file is empty",
        code="E0604",
    ),
    Wrong(
        name="no rows",
        write=lambda path: path.with_suffix(".csv").write_text("a,b,label\n"),
        says="`data.csv` has no rows",
        code="E0604",
    ),
    Wrong(
        name="label outside the classes",
        write=csv(put(12, "1,2,3")),
        says="`data.csv`, row 12, column `label`: `3` is not from 0 to 2: `logits` has 3 classes",
        bad=(12,),
    ),
    Wrong(
        name="half a label",
        write=csv(put(13, "1,2,1.5")),
        says="`data.csv`, row 13, column `label`: `1.5` is not a whole number",
        bad=(13,),
    ),
    Wrong(
        name="one class only",
        write=csv(every("1,2,1")),
        says="column `label` of `data.csv`: every row of the training part is of class `1`",
    ),
    Wrong(
        name="cut image",
        write=pictures(cut),
        says="`data/dog/04.png`, column `image`: it cannot be decoded",
        bad=(12,),
        images=True,
    ),
    Wrong(
        name="text that is called an image",
        write=pictures(lambda path: (path / "cat/03.png").write_text("no image")),
        says="`data/cat/03.png`, column `image`: it is no PNG or JPEG file",
        bad=(2,),
        images=True,
    ),
    Wrong(
        name="image bomb",
        write=pictures(bomb),
        says="`data/cat/00.png`, column `image`: it has more than 100 million pixels",
        bad=(1,),
        images=True,
    ),
    Wrong(
        name="image of another size",
        write=pictures(another_size),
        says="`data/eel/29.png`, column `image`: the image is 4 x 5 pixels",
        bad=(30,),
        images=True,
    ),
    Wrong(
        name="one folder only",
        write=one_folder,
        says="column `label` of `data`: every row of the training part is of class `cat`",
        images=True,
    ),
    Wrong(
        name="no images",
        write=lambda path: path.mkdir(),
        says="`data`: there is no image in it",
        code="E0604",
        images=True,
    ),
)
NAMES = [wrong.name for wrong in WRONG]


def read(root: Path, wrong: Wrong, on_bad_sample: Any = "fail") -> DataSet:
    if wrong.images:
        source: Any = ImageFolder(path="data")
        columns: dict[str, Any] = {"x": "image"}
        type: TensorType = float_tensor(N, 3, 4, 4)
    else:
        source, columns, type = "data.csv", {"x": ("a", "b")}, float_tensor(N, 2)
    return prepare(
        Data(source=source, columns=columns, on_bad_sample=on_bad_sample),
        inputs={"x": type},
        targets={"label": int_tensor(N)},
        root=root,
        bounds=CLASSES,
    )


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("wrong", WRONG, ids=NAMES)
def test_a_wrong_file_is_told_with_its_row_and_column(root: Path, wrong: Wrong) -> None:
    wrong.write(root / "data")
    with pytest.raises(Failure) as caught:
        read(root, wrong)
    diagnostic = caught.value.diagnostic
    assert wrong.says in diagnostic.message
    assert diagnostic.code.number == wrong.code
    assert caught.value.exit_code == BAD_DATA


def test_what_helps_can_be_copied(root: Path) -> None:
    (root / "data.csv").write_text("a;b;label\n1;2;1\n")
    with pytest.raises(Failure) as caught:
        read(root, Wrong(name="", write=lambda path: None, says=""))
    assert 'source: {csv: {path: "...", delimiter: ";"}}' in str(caught.value.diagnostic.help)
    pictures(another_size)(root / "data")
    with pytest.raises(Failure) as caught:
        read(root, Wrong(name="", write=lambda path: None, says="", images=True))
    assert "`preprocess: {x: resize(4, 4)}`" in str(caught.value.diagnostic.help)


@pytest.mark.parametrize("wrong", WRONG, ids=NAMES)
def test_bad_rows_are_left_out_and_counted(root: Path, wrong: Wrong) -> None:
    wrong.write(root / "data")
    if wrong.bad is None:
        with pytest.raises(Failure):
            read(root, wrong, "skip")
        return
    found = read(root, wrong, "skip")
    assert tuple(row.row for row in found.skipped) == wrong.bad
    assert not set(wrong.bad) & set(found.rows.tolist())
    parts = [found.division.part(name) for name in ("train", "validation", "test")]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(found)))
    again = read(root, wrong, "skip")
    assert again.skipped == found.skipped
    assert all(np.array_equal(again.arrays[n], found.arrays[n]) for n in found.arrays)  # type: ignore[arg-type]
    record = skipped_record(found)
    assert record["count"] == 1
    assert record["rows"][0]["row"] == wrong.bad[0]
    lines: list[str] = []
    say_skipped(found, lines.append)
    assert lines[0].startswith(f"left out 1 of {len(found) + 1:,} rows of `data")
    assert f"row {wrong.bad[0]:,}" in lines[1] or wrong.images


def test_rows_that_are_left_out_move_no_other_row(root: Path) -> None:
    """A row stays in its part, whatever becomes of others."""
    wrong = Wrong(name="", write=csv(lambda lines: None, 200), says="")
    wrong.write(root / "data")
    whole = read(root, wrong)
    draw = np.random.default_rng(1)
    bad = sorted(draw.choice(200, 60, replace=False) + 1)

    def spoil(lines: list[str]) -> None:
        for index, row in enumerate(bad):
            lines[row - 1] = ("x,1,1", "1", ",2,1", "1,2,9")[index % 4]

    csv(spoil, 200)(root / "data")
    left = read(root, wrong, "skip")
    assert [row.row for row in left.skipped] == bad
    ragged = {row for index, row in enumerate(bad) if index % 4 == 1}
    if not ragged:
        for part in ("train", "validation", "test"):
            before = set(whole.rows[whole.division.part(part)].tolist()) - set(bad)
            assert set(left.rows[left.division.part(part)].tolist()) == before
    record = skipped_record(left)
    assert record["count"] == 60
    assert len(record["rows"]) == LISTED
    lines: list[str] = []
    say_skipped(left, lines.append)
    assert lines[-1] == f"  and {60 - LISTED} more"


def test_classes_that_training_never_sees_are_left_out_too(root: Path) -> None:
    def words(lines: list[str]) -> None:
        for index in range(len(lines)):
            lines[index] = f"1,2,{('ant', 'bee')[index % 2]}"

    wrong = Wrong(name="", write=csv(words), says="")
    wrong.write(root / "data")
    row = int(read(root, wrong).division.test[0]) + 1

    def and_one(lines: list[str]) -> None:
        words(lines)
        lines[row - 1] = "1,2,yak"

    csv(and_one)(root / "data")
    with pytest.raises(Failure, match=f"row {row}, column `label`: no row of the training part"):
        read(root, wrong)
    found = read(root, wrong, "skip")
    assert [skipped.row for skipped in found.skipped] == [row]
    assert found.preprocessing.labels == {"label": ("ant", "bee")}


def test_a_file_of_bad_rows_alone_is_refused(root: Path) -> None:
    wrong = Wrong(name="", write=csv(every("x,y,0")), says="")
    wrong.write(root / "data")
    with pytest.raises(Failure, match="every row is bad, such as row 1: `x` is not a number"):
        read(root, wrong, "skip")


def test_files_are_refused_alike_with_a_split_in_time(root: Path) -> None:
    csv(put(3, "1,soon,1"))(root / "data")
    for on_bad_sample in ("fail", "skip"):
        with pytest.raises(Failure, match="row 3, column `b`: `soon` is no time"):
            prepare(
                Data(
                    source="data.csv",
                    columns={"x": "a"},
                    split=Split(time="b"),
                    on_bad_sample=on_bad_sample,
                ),
                inputs={"x": float_tensor(N)},
                targets={"label": int_tensor(N)},
                root=root,
            )
