"""Data that is read in blocks gives what data in memory gives, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import csv

from dlc.compiler.components.objectives.autoencoding import Autoencoding
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.compiler.components.preprocessing.log import Log
from dlc.compiler.components.preprocessing.pca import Pca
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sections.split import Split
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data import residence
from dlc.runtime.data.dataset import Bound, DataSet, prepare
from dlc.runtime.data.formats import image_folder
from dlc.runtime.data.residence import Tell
from dlc.runtime.failures import Failure

N = symbol("N")
ROWS = 500
STEPS = (Standardize(),)


def table(**columns: Any) -> pa.Table:
    draw = np.random.default_rng(0)
    found: dict[str, Any] = {
        "a": draw.normal(5, 3, ROWS),
        "b": draw.normal(-1, 0.1, ROWS).astype(np.float32),
        "c": draw.integers(0, 9, ROWS),
        "kind": [["cat", "dog", "eel"][i % 3] for i in range(ROWS)],
        "year": [2000 + i % 40 for i in range(ROWS)],
    }
    return pa.table(found | columns)


def write(folder: Path, content: pa.Table, name: str = "rows.parquet", group: int = 37) -> Path:
    path = folder / name
    pq.write_table(content, path, row_group_size=group, write_page_checksum=True)
    return path


def section(memory: Any, **changes: Any) -> Data:
    given: dict[str, Any] = {
        "source": "rows.parquet",
        "columns": {"x": "[abc]", "label": "kind"},
        "memory": memory,
    }
    return Data(**given | changes)


def made(
    root: Path, memory: str, steps: Any = STEPS, tell: Tell | None = None, **changes: Any
) -> DataSet:
    return prepare(
        section(memory, **changes),
        inputs={"x": float_tensor(N, 3)},
        targets={"label": int_tensor(N)},
        root=root,
        preprocess={"x": steps},
        bounds={"label": Bound(high=2, reason="`logits` has 3 classes")},
        tell=tell,
    )


def same(root: Path, steps: Any = STEPS, **changes: Any) -> DataSet:
    """Both ways of holding data; gives the streamed one."""
    held = made(root, "resident", steps, **changes)
    read = made(root, "stream", steps, **changes)
    assert held.stream is None
    assert read.stream is not None
    np.testing.assert_array_equal(held.rows, read.rows)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(held.division.part(part), read.division.part(part))
    assert held.preprocessing.files() == read.preprocessing.files()
    assert [(r.row, r.column) for r in held.skipped] == [(r.row, r.column) for r in read.skipped]
    assert held.sha256 == read.sha256
    assert held.blocks is not None
    assert read.blocks is not None
    np.testing.assert_array_equal(held.blocks.starts, read.blocks.starts)
    assert held.blocks.row_bytes == read.blocks.row_bytes
    for name, values in held.arrays.items():
        found = read.arrays[name]
        assert isinstance(found, np.ndarray)
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)
    shuffled = np.random.default_rng(1).permutation(len(read))[:50]
    taken = read.stream.take(shuffled)
    np.testing.assert_array_equal(taken["x"], np.asarray(held.arrays["x"])[shuffled])
    return read


def refused(root: Path, memory: str = "stream", **changes: Any) -> str:
    with pytest.raises(Failure) as caught:
        made(root, memory, **changes)
    return caught.value.diagnostic.message


@pytest.mark.parametrize(
    "steps",
    [(), (Standardize(),), (Standardize(), Pca(components=3)), (Log(offset=20.0),)],
    ids=["raw", "standardize", "pca", "log"],
)
def test_statistics_of_a_stream_are_those_of_all_rows(tmp_path: Path, steps: Any) -> None:
    write(tmp_path, table())
    same(tmp_path, steps)


def test_rows_are_filtered_and_divided_alike(tmp_path: Path) -> None:
    write(tmp_path, table())
    split = Split(train=0.6, validation=0.2, test=0.2, stratify="label", seed=4)
    found = same(tmp_path, where="year < 2020", split=split)
    assert 0 < len(found) < ROWS


def test_blocks_without_a_row_that_is_kept_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, table(year=list(range(ROWS))))
    found = same(tmp_path, where="year < 30 or year > 400")
    assert found.blocks is not None
    assert (np.diff(found.blocks.starts) == 0).any()


def test_a_column_is_of_one_kind_whatever_a_block_holds(tmp_path: Path) -> None:
    # Class names that are numbers in the first blocks, whole numbers that are missing in one.
    words = ["3" if i < 200 else ["3", "4", "e"][i % 3] for i in range(ROWS)]
    numbers = [None if i == 450 else i % 9 for i in range(ROWS)]
    write(tmp_path, table(kind=words, c=numbers, a=numbers, b=numbers))
    found = same(tmp_path, (Impute(strategy="mean"), Standardize()))
    assert found.preprocessing.labels == {"label": ("3", "4", "e")}


def test_bad_rows_are_left_out_of_both(tmp_path: Path) -> None:
    numbers = [None if i in (7, 300) else float(i) for i in range(ROWS)]
    write(tmp_path, table(a=numbers))
    found = same(tmp_path, on_bad_sample="skip")
    assert [row.row for row in found.skipped] == [8, 301]


def test_a_bad_row_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, table(a=[None if i == 300 else float(i) for i in range(ROWS)]))
    messages = {memory: refused(tmp_path, memory) for memory in ("resident", "stream")}
    assert "row 301, column `a`" in messages["stream"]
    assert messages["stream"] == messages["resident"]


def test_a_class_that_training_does_not_know_is_refused(tmp_path: Path) -> None:
    kinds = ["cat", "dog"] * (ROWS // 2)
    held = made(write(tmp_path, table(kind=kinds)).parent, "resident")
    kinds[int(held.division.test[0])] = "emu"
    write(tmp_path, table(kind=kinds))
    messages = {memory: refused(tmp_path, memory) for memory in ("resident", "stream")}
    assert "`emu`" in messages["stream"]
    assert messages["stream"] == messages["resident"]


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    write(tmp_path, table(kind=["cat"] * ROWS))
    assert refused(tmp_path) == refused(tmp_path, "resident")


def test_several_files_are_one_stream(tmp_path: Path) -> None:
    content = table()
    write(tmp_path, content.slice(0, 210), "part-1.parquet")
    write(tmp_path, content.slice(210), "part-2.parquet", group=50)
    found = same(tmp_path, source="part-*.parquet")
    assert found.blocks is not None
    assert len(found.blocks) == 12


def test_files_of_parts_are_one_stream(tmp_path: Path) -> None:
    content = table()
    write(tmp_path, content.slice(0, 300), "train.parquet")
    write(tmp_path, content.slice(300), "test.parquet")
    found = same(tmp_path, source=Files(train="train.parquet", test="test.parquet"))
    assert len(found.division.test) == 200


def test_files_whose_columns_differ_in_type_are_read_whole(tmp_path: Path) -> None:
    write(tmp_path, table().slice(0, 300), "part-1.parquet")
    other = table(c=np.arange(ROWS, dtype=np.float64)).slice(300)
    write(tmp_path, other, "part-2.parquet")
    assert "cannot be read from its middle" in refused(tmp_path, source="part-*.parquet")


def test_an_arrow_file_streams_and_an_arrow_stream_does_not(tmp_path: Path) -> None:
    with (
        pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as file,
        pa.ipc.new_file(file, table().schema) as writer,
    ):
        writer.write_table(table(), max_chunksize=41)
    same(tmp_path, source="rows.arrow")
    with (
        pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table().schema) as writer,
    ):
        writer.write_table(table(), max_chunksize=41)
    assert "cannot be read from its middle" in refused(tmp_path, source="rows.arrow")


def pictures(folder: Path, count: int = 30, size: tuple[int, int] = (5, 4)) -> None:
    """Three classes of noise, too large for all to be in one block."""
    for i in range(count):
        place = folder / "pictures" / "abc"[i * 3 // count]
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{i:02}.png")


def listing(folder: Path, name: str) -> pa.Table:
    """The pictures as a table lists them, class by class."""
    pictures(folder)
    paths = sorted((folder / "pictures").rglob("*.png"))
    rows = pa.table(
        {
            "image": [path.relative_to(folder).as_posix() for path in paths],
            "label": [path.parent.name for path in paths],
            "year": [2000 + i for i in range(len(paths))],
        }
    )
    if name.endswith(".csv"):
        csv.write_csv(rows, folder / name)
    elif name.endswith(".parquet"):
        pq.write_table(rows, folder / name)
    else:
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows.to_pylist()))
    return rows


def of_pictures(root: Path, memory: Any, source: Any = "pictures", **changes: Any) -> DataSet:
    return prepare(
        Data(source=source, memory=memory, **changes),
        inputs={"image": float_tensor(N, 3, symbol("H"), symbol("W"))},
        targets={"label": int_tensor(N)},
        root=root,
        preprocess={"image": STEPS},
    )


def test_a_folder_of_images_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 500)
    pictures(tmp_path)
    held, read = (of_pictures(tmp_path, memory) for memory in ("resident", "stream"))
    assert read.stream is not None
    assert held.blocks is not None
    assert len(read.stream.blocks) > 5
    np.testing.assert_array_equal(held.blocks.starts, read.stream.blocks.starts)
    assert held.blocks.row_bytes == read.stream.blocks.row_bytes
    assert held.preprocessing.labels == read.preprocessing.labels == {"label": ("a", "b", "c")}
    np.testing.assert_array_equal(held.arrays["image"], read.arrays["image"])  # type: ignore[arg-type]
    np.testing.assert_array_equal(held.arrays["label"], read.arrays["label"])  # type: ignore[arg-type]


def test_a_picture_of_another_size_is_told_of_and_left_out_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 1)
    pictures(tmp_path)
    odd = tmp_path / "pictures" / "b" / "15.png"
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(odd)
    (tmp_path / "pictures" / "a" / "00.png").write_bytes(b"no picture")
    messages, skipped = [], []
    for memory in ("resident", "stream"):
        with pytest.raises(Failure) as caught:
            of_pictures(tmp_path, memory)
        messages.append(caught.value.diagnostic.message)
        found = of_pictures(tmp_path, memory, on_bad_sample="skip")
        skipped.append([(row.row, row.reason) for row in found.skipped])
    assert messages[0] == messages[1]
    assert skipped[0] == skipped[1]
    assert [row for row, _ in skipped[0]] == [1, 16]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_table_that_lists_pictures_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 500)
    listing(tmp_path, f"list.{suffix}")
    made = {
        memory: of_pictures(
            tmp_path,
            memory,
            source=f"list.{suffix}",
            where="year != 2003",
            split=Split(train=0.6, validation=0.2, test=0.2, stratify="label"),
        )
        for memory in ("resident", "stream")
    }
    held, read = made["resident"], made["stream"]
    assert held.stream is None
    assert held.blocks is not None
    assert read.stream is not None
    assert len(read.stream.blocks) > 5
    assert len(read) == 29
    np.testing.assert_array_equal(held.blocks.starts, read.stream.blocks.starts)
    assert held.blocks.row_bytes == read.stream.blocks.row_bytes
    assert held.preprocessing.files() == read.preprocessing.files()
    assert held.sha256 == read.sha256
    for name in ("image", "label"):
        np.testing.assert_array_equal(held.arrays[name], read.arrays[name])  # type: ignore[arg-type]
    np.testing.assert_array_equal(held.division.train, read.division.train)


def test_lists_of_pictures_are_one_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 500)
    # Each part has pictures of all classes.
    rows = listing(tmp_path, "all.csv").take(np.arange(30).reshape(3, 10).T.reshape(-1))
    csv.write_csv(rows.slice(0, 18), tmp_path / "train.csv")
    csv.write_csv(rows.slice(18), tmp_path / "test.csv")
    files = Files(train="train.csv", test="test.csv")
    held, read = (of_pictures(tmp_path, memory, source=files) for memory in ("resident", "stream"))
    assert held.blocks is not None
    assert read.stream is not None
    np.testing.assert_array_equal(held.blocks.starts, read.stream.blocks.starts)
    np.testing.assert_array_equal(held.division.test, read.division.test)
    np.testing.assert_array_equal(held.arrays["image"], read.arrays["image"])  # type: ignore[arg-type]
    assert len(read.division.test) == 12


def test_what_is_wrong_with_a_listed_picture_is_told_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 1)
    listing(tmp_path, "list.csv")
    (tmp_path / "pictures/a/03.png").unlink()
    (tmp_path / "pictures/b/15.png").write_bytes(b"no picture")
    messages, skipped = [], []
    for memory in ("resident", "stream"):
        with pytest.raises(Failure) as caught:
            of_pictures(tmp_path, memory, source="list.csv")
        messages.append(caught.value.diagnostic.message)
        found = of_pictures(tmp_path, memory, source="list.csv", on_bad_sample="skip")
        skipped.append([(row.row, row.column, row.reason) for row in found.skipped])
    assert "`list.csv`, row 4, column `image`" in messages[0].replace(f"{tmp_path}/", "")
    assert messages[0] == messages[1]
    assert skipped[0] == skipped[1]
    assert [row for row, *_ in skipped[0]] == [4, 16]
    # Rows that are no rows are left out before they are blocks: such a table is read whole.
    with (tmp_path / "list.csv").open("a") as file:
        file.write("one,two,three,four,five\n")
    found = of_pictures(tmp_path, "auto", source="list.csv", on_bad_sample="skip")
    assert [row.row for row in found.skipped] == [4, 16, 31]
    with pytest.raises(Failure) as caught:
        of_pictures(tmp_path, "stream", source="list.csv", on_bad_sample="skip")
    assert caught.value.diagnostic.code.number == "E0520"


def test_what_is_its_own_target_streams(tmp_path: Path) -> None:
    write(tmp_path, table())
    found = {}
    for memory in ("resident", "stream"):
        found[memory] = prepare(
            Data(
                source="rows.parquet",
                columns={"x": "[abc]"},
                memory=memory,
                objective=Autoencoding(),
            ),
            inputs={"x": float_tensor(N, 3)},
            targets={"same": float_tensor(N, 3)},
            root=tmp_path,
            preprocess={"x": STEPS},
        )
    held, read = found["resident"], found["stream"]
    assert read.stream is not None
    assert held.blocks is not None
    assert held.blocks.row_bytes == read.stream.blocks.row_bytes
    assert set(read.arrays) == {"x", "same"}
    np.testing.assert_array_equal(read.arrays["same"], read.arrays["x"])  # type: ignore[arg-type]
    np.testing.assert_array_equal(read.arrays["same"], held.arrays["same"])  # type: ignore[arg-type]
    assert set(read.stream.load(2)) == {"x", "same"}


def test_what_does_not_fit_the_memory_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, table())
    assert made(tmp_path, "auto").stream is None
    needed = ROWS * (3 * 4 + 8)
    monkeypatch.setattr(residence, "available_bytes", lambda: needed * 5)
    assert made(tmp_path, "auto").stream is None
    monkeypatch.setattr(residence, "available_bytes", lambda: needed * 5 - 5)
    assert made(tmp_path, "auto").stream is not None
    assert made(tmp_path, "resident").stream is None


def test_what_neither_fits_nor_streams_is_told_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv.write_csv(table(), tmp_path / "rows.csv")
    size = (tmp_path / "rows.csv").stat().st_size
    # Of five columns four are read.
    needed = int(2.5 * size * 4 / 5)
    told: list[Diagnostic] = []

    def read(free: int, memory: str = "auto") -> int:
        told.clear()
        monkeypatch.setattr(residence, "available_bytes", lambda: free)
        found = made(tmp_path, memory, source="rows.csv", tell=told.append)
        assert found.stream is None
        assert len(found) == ROWS
        return len(told)

    assert read(needed) == 0
    assert read(needed - 1) == 1
    assert told[0].code.number == "W0215"
    assert "rows.csv` cannot be read from its middle" in told[0].notes[0]
    assert told[0].help is not None
    assert told[0].help.startswith("store it as Parquet")
    assert read(needed - 1, "resident") == 0


def test_a_stream_that_cannot_be_is_refused(tmp_path: Path) -> None:
    csv.write_csv(table(), tmp_path / "rows.csv")
    with pytest.raises(Failure) as caught:
        made(tmp_path, "stream", source="rows.csv")
    assert caught.value.diagnostic.code.number == "E0520"
    assert "Parquet" in str(caught.value.diagnostic.help)


def test_rows_of_another_size_further_down_are_refused(tmp_path: Path) -> None:
    lists = [[1.0, 2.0, 3.0] if i < 222 else [1.0, 2.0] for i in range(ROWS)]
    write(tmp_path, table(a=lists))
    with pytest.raises(Failure) as caught:
        prepare(
            section("stream", columns={"x": "a", "label": "kind"}),
            inputs={"x": float_tensor(N, symbol("T"))},
            targets={"label": int_tensor(N)},
            root=tmp_path,
        )
    assert "from row 223 on" in caught.value.diagnostic.message


def test_fitted_preprocessing_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, table())
    first = made(tmp_path, "stream")
    again = prepare(
        section("stream"),
        inputs={"x": float_tensor(N, 3)},
        targets={"label": int_tensor(N)},
        root=tmp_path,
        preprocess={"x": (Standardize(),)},
        fitted=first.preprocessing,
    )
    np.testing.assert_array_equal(first.arrays["x"], again.arrays["x"])
    np.testing.assert_array_equal(first.arrays["label"], again.arrays["label"])


def test_a_damaged_page_is_found_before_training(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    content = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(5).column(0)
    content[chunk.data_page_offset + chunk.total_compressed_size - 9] ^= 0xFF
    path.write_bytes(content)
    assert "damaged" in refused(tmp_path)
