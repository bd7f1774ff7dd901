"""From a data section to its files: globs, files for each part, what belongs together."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sources.csv import Csv
from dlc.compiler.components.sources.idx import Idx
from dlc.compiler.components.sources.parallel_text import ParallelText
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data.balancing import balanced
from dlc.runtime.data.dataset import DataSet, prepare
from dlc.runtime.data.dividing import count_folds
from dlc.runtime.data.sources import open_source
from dlc.runtime.failures import Failure
from dlc.runtime.training.samples import Epochs

N = symbol("N")
KINDS = ("ant", "bee", "cow")


def write(path: Path, count: int, *, seed: int = 0, kinds: tuple[str, ...] = KINDS) -> Path:
    draw = np.random.default_rng(seed)
    lines = [f"{draw.normal(seed, 1):.4f},{kinds[i % len(kinds)]},{i}" for i in range(count)]
    text = "x,kind,day\n" + "".join(f"{line}\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def prepared(root: Path, source: Any, **options: Any) -> DataSet:
    split = options.pop("split", None)
    data = Data(source=source, columns={"label": "kind"}, split=split, **options)
    return prepare(
        data,
        inputs={"x": float_tensor(N)},
        targets={"label": int_tensor(N)},
        root=root,
        preprocess={"x": (Standardize(),)},
    )


def sizes(found: DataSet) -> list[int]:
    return [len(found.division.part(part)) for part in ("train", "validation", "test")]


# ── several files ────────────────────────────────────────────────────────────


def test_a_glob_takes_files_by_name_and_rows_keep_their_file(tmp_path: Path) -> None:
    for index, name in enumerate(("part-b.csv.gz", "part-a.csv", "other.csv")):
        write(tmp_path / "data" / name, 10 + index, seed=index)
    found = prepared(tmp_path, Csv(path="data/part-*"))
    assert len(found) == 21
    assert [path.name for path in found.table.files] == ["part-a.csv", "part-b.csv.gz"]
    write(tmp_path / "data/part-b.csv.gz", 10, kinds=("ant", "", "cow"))
    with pytest.raises(
        Failure, match=r"part-b.csv.gz`, row 2, column `kind`: the value is missing"
    ):
        prepared(tmp_path, Csv(path="data/part-*"))


def test_the_hash_of_files_is_that_of_all_of_them(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, 12)
    before = prepared(tmp_path, "*.csv").sha256
    write(tmp_path / "b.csv", 12, seed=5)
    assert prepared(tmp_path, "*.csv").sha256 != before
    assert prepared(tmp_path, "a.csv").sha256 not in (before, prepared(tmp_path, "b.csv").sha256)


@pytest.mark.parametrize("path", ["none-*.csv", "*/a.csv", "../*.csv", "/etc/pass*.csv"])
def test_globs_that_match_nothing_or_lead_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "specs"
    write(root / "x.csv", 3)
    write(tmp_path / "secret.csv", 3)
    with pytest.raises(Failure, match=r"no file matches|leaves the folder"):
        open_source(Data(source=path), root)


def test_a_link_among_the_files_may_not_lead_outside(tmp_path: Path) -> None:
    root = tmp_path / "specs"
    write(root / "a.csv", 3)
    (root / "b.csv").symlink_to(write(tmp_path / "secret.csv", 3))
    with pytest.raises(Failure, match="leaves the folder of the spec"):
        open_source(Data(source="*.csv"), root)


# ── a file for each part ─────────────────────────────────────────────────────


def test_parts_have_files_of_their_own(tmp_path: Path) -> None:
    for seed, (name, count) in enumerate({"a": 30, "b": 12, "c": 9}.items()):
        write(tmp_path / f"{name}.csv", count, seed=seed)
    found = prepared(tmp_path, Files(train="a.csv", validation="b.csv", test="c.csv"))
    assert sizes(found) == [30, 12, 9]
    alone = prepared(tmp_path, "a.csv", split=Split(train=1.0))
    for ours, theirs in zip(
        found.preprocessing.inputs["x"].statistics,
        alone.preprocessing.inputs["x"].statistics,
        strict=True,
    ):
        assert ours == theirs
    test = found.division.test
    assert found.rows[test].tolist() == list(range(43, 52))
    assert abs(float(np.mean(found.arrays["x"][test]))) > 1  # type: ignore[index]


def test_validation_comes_from_the_file_to_learn_from_where_it_has_none(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 100)
    write(tmp_path / "c.csv", 9)
    files = Files(train="a.csv", test="c.csv")
    assert sizes(prepared(tmp_path, files)) == [90, 10, 9]
    assert sizes(prepared(tmp_path, files, split=Split(validation=0.3))) == [70, 30, 9]
    assert sizes(prepared(tmp_path, Files(train="a.csv"))) == [90, 10, 0]
    found = prepared(tmp_path, files, split=Split(validation=0.3, stratify="label"))
    labels = found.arrays["label"]
    assert np.bincount(labels[found.division.validation]).tolist() == [10, 10, 10]  # type: ignore[index]


def test_a_filter_and_bad_rows_leave_each_row_in_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 30)
    write(tmp_path / "b.csv", 20, kinds=("ant", "yak", "cow"))
    files = Files(train="a.csv", validation="b.csv")
    with pytest.raises(Failure, match=r"b.csv`, row 2, column `kind`: no row of the training"):
        prepared(tmp_path, files)
    found = prepared(tmp_path, files, on_bad_sample="skip")
    assert sizes(found) == [30, 13, 0]
    assert len(found.skipped) == 7
    found = prepared(tmp_path, files, where="day < 10 and kind != yak")
    assert sizes(found) == [10, 7, 0]
    with pytest.raises(Failure, match="the file of the part `validation` has no rows"):
        prepared(tmp_path, files, where="day > 25")


def test_files_of_parts_need_the_same_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 30)
    (tmp_path / "b.csv").write_text("x,day\n1,2\n")
    with pytest.raises(Failure, match=r"b.csv`: it lacks the column `kind`"):
        prepared(tmp_path, Files(train="a.csv", test="b.csv"))


# ── splits by columns ────────────────────────────────────────────────────────


def test_groups_and_times_are_columns_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 100)
    found = prepared(tmp_path, "a.csv", split=Split(time="day"))
    assert found.division.test.tolist() == list(range(90, 100))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    dated = [
        line.rpartition(",")[0] + f",2024-{1 + i % 12:02}-01" for i, line in enumerate(lines[1:])
    ]
    (tmp_path / "a.csv").write_text("\n".join([lines[0], *dated]) + "\n")
    found = prepared(tmp_path, "a.csv", split=Split(time="day"))
    assert {(row - 1) % 12 for row in found.rows[found.division.test].tolist()} == {10, 11}
    found = prepared(tmp_path, "a.csv", split=Split(group="day", train=0.6, test=0.2))
    months = [
        {int(row - 1) % 12 for row in found.rows[found.division.part(part)]}
        for part in ("train", "validation", "test")
    ]
    assert sum(map(len, months)) == 12
    with pytest.raises(Failure, match=r"`dey`, which `data\.split\.time` names"):
        prepared(tmp_path, "a.csv", split=Split(time="dey"))


def test_groups_are_counted_for_their_folds(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 30)
    data = Data(source="a.csv", split=Split(folds="groups", group="kind"))
    assert count_folds(data, tmp_path, {}) == 3
    data = Data(source="a.csv", split=Split(folds="groups", group="label"), where="kind != cow")
    assert count_folds(data, tmp_path, {"label": "kind"}) == 2
    assert count_folds(Data(source="a.csv", split=Split(folds=7)), tmp_path, {}) == 7


# ── what belongs together ────────────────────────────────────────────────────


def test_labels_of_mnist_are_found_beside_its_images(tmp_path: Path) -> None:
    def idx(array: np.ndarray[Any, Any]) -> bytes:
        return (
            bytes([0, 0, 8, array.ndim])
            + struct.pack(f">{array.ndim}I", *array.shape)
            + array.tobytes()
        )

    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(images[:, 0, 0])))
    table = open_source(Data(source="train-images-idx3-ubyte.gz"), tmp_path)
    assert table.read(["label"])["label"].to_pylist() == [0, 4, 8]
    given = Idx(path="train-images-idx3-ubyte.gz", labels="train-labels-idx1-ubyte.gz")
    assert open_source(Data(source=given), tmp_path).names == ("image", "label")
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    assert open_source(Data(source="train-images-idx3-ubyte.gz"), tmp_path).names == ("image",)


def test_parallel_texts_stay_below_the_folder(tmp_path: Path) -> None:
    for name in ("en", "de"):
        (tmp_path / f"texts/{name}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / f"texts/{name}.txt").write_text("a\nb\n")
    source = ParallelText(path="texts", texts={"a": "en.txt", "b": "de.txt"})
    assert open_source(Data(source=source), tmp_path).names == ("a", "b")
    source = ParallelText(path="texts", texts={"a": "en.txt", "b": "../../x.txt"})
    with pytest.raises(Failure, match="leaves the folder"):
        open_source(Data(source=source), tmp_path)


# ── balance ──────────────────────────────────────────────────────────────────


def test_balanced_epochs_hold_every_class_as_often() -> None:
    classes = np.repeat([0, 1, 2], [900, 90, 11]).astype(np.int64)
    rows = np.arange(0, 1001, dtype=np.int64)
    for epoch in range(3):
        drawn = balanced(rows, classes, 7, epoch)
        counts = np.bincount(classes[drawn])
        assert len(drawn) == 1001
        assert counts.max() - counts.min() <= 1
        large = drawn[classes[drawn] == 0]
        assert len(np.unique(large)) == len(large)
        small = np.bincount(drawn[classes[drawn] == 2])[990:]
        assert small.max() - small.min() <= 1
    first, again, other = (
        Epochs(rows, batch_size=10, seed=seed, shuffle=True, classes=classes).order(5)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    plain = Epochs(rows, batch_size=10, seed=1, shuffle=False, classes=classes).order(5)
    assert (np.diff(plain) >= 0).all()
