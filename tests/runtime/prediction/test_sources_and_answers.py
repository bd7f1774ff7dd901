"""Every kind of data, and every kind of answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from pyarrow import csv, feather, parquet

from dlc.compiler.cli.main import main


def written(table: pa.Table, folder: Path) -> dict[str, Path]:
    """The same rows in every format that a row of numbers and texts can have."""
    plain = folder / "rows.csv"
    csv.write_csv(table, plain)
    lines = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
    paths = {name: folder / f"rows.{name}" for name in (
        *("csv.gz", "csv.zst", "tsv", "jsonl", "jsonl.gz", "parquet", "feather", "arrows"),
        *("npz", "dat"),
    )}  # fmt: skip
    text = plain.read_text()
    paths["csv.gz"].write_bytes(gzip.compress(plain.read_bytes()))
    paths["csv.zst"].write_bytes(pa.compress(plain.read_bytes(), codec="zstd", asbytes=True))
    paths["tsv"].write_text(text.replace(",", "\t"))
    paths["dat"].write_text(text.replace(",", ";"))
    paths["jsonl"].write_text(lines)
    paths["jsonl.gz"].write_bytes(gzip.compress(lines.encode()))
    parquet.write_table(table, paths["parquet"], row_group_size=50)
    feather.write_feather(table, paths["feather"], chunksize=33)
    with pa.ipc.new_stream(paths["arrows"], table.schema) as writer:
        writer.write_table(table)
    np.savez(
        paths["npz"], **{name: np.array(table[name].to_pylist()) for name in table.schema.names}
    )
    return {"csv": plain, **paths}


def answers(model: Path, out: Path, *words: str) -> pa.Table:
    assert main(["predict", str(model), "-o", str(out), "--provider", "cpu", *words]) == 0
    return parquet.read_table(out)


def test_every_format_of_a_table_gives_the_same_answers(trained, tmp_path):
    out = tmp_path / "out.parquet"
    expected = None
    for name, path in written(trained.table, tmp_path).items():
        more = ("--source", "csv", "--delimiter", ";") if name == "dat" else ()
        found = answers(trained.model, out, str(path), "--keep", "name", *more)
        expected = expected or found
        assert found.num_rows == 120
        assert found.equals(expected), name


def test_several_files_and_globs_are_answered_in_order(trained, tmp_path):
    for index, (start, length) in enumerate([(0, 50), (50, 1), (51, 69)]):
        parquet.write_table(trained.table.slice(start, length), tmp_path / f"part-{index}.parquet")
    whole = answers(trained.model, tmp_path / "whole.parquet", str(trained.data), "--keep", "name")
    glob = answers(
        trained.model,
        tmp_path / "glob.parquet",
        *(str(tmp_path / "part-*.parquet"), "--keep", "name", "--numbers"),
    )
    assert glob.drop_columns(["row", "file"]).equals(whole)
    assert glob["row"].to_pylist() == [*range(1, 51), 1, *range(1, 70)]
    assert [Path(f).name for f in glob["file"].to_pylist()[49:52]] == [
        *("part-0.parquet", "part-1.parquet", "part-2.parquet")
    ]
    some = answers(
        trained.model,
        tmp_path / "some.parquet",
        *(str(tmp_path / f"part-{index}.parquet") for index in (1, 0)),
        *("--keep", "name", "--limit", "20"),
    )
    assert (
        some["name"].to_pylist()
        == trained.table["name"].to_pylist()[50:51] + whole["name"].to_pylist()[:19]
    )


def model_of_sums(path: Path, pixels: int) -> Path:
    """A file that another program wrote: the sum of the pixels of an image."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["pixels", "axes"], ["sum"], keepdims=0),
        ],
        "sums",
        [helper.make_tensor_value_info("image", pixels, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["N"])],
        [helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path
    )
    return path


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_of_sums(tmp_path_factory.mktemp("sums") / "sums.onnx", TensorProto.UINT8)


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files_bring_their_labels(sums, tmp_path, compressed):
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4)).astype(np.uint8)
    labels = np.arange(30, dtype=np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        content = header + array.tobytes()
        path = tmp_path / f"t10k-{name}-ubyte{'.gz' if compressed else ''}"
        path.write_bytes(gzip.compress(content) if compressed else content)
    data = next(tmp_path.glob("t10k-images*"))
    found = answers(sums, tmp_path / "out.parquet", str(data), "--keep", "label")
    assert found["sum"].to_pylist() == images.reshape(30, -1).sum(axis=1).tolist()
    assert [int(label) for label in found["label"].to_pylist()] == labels.tolist()


def test_arrays_of_numpy_bring_their_sizes(sums, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 4, 4)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    found = answers(sums, tmp_path / "out.parquet", str(tmp_path / "images.npz"))
    assert found["sum"].to_pylist() == images.reshape(30, -1).sum(axis=1).tolist()


def test_folders_of_images(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    model = model_of_sums(tmp_path / "sums.onnx", TensorProto.FLOAT)
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    for index, pixels in enumerate(images):
        place = tmp_path / "pictures" / ("a", "b")[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{index}.png")
    out = tmp_path / "out.parquet"
    found = answers(model, out, str(tmp_path / "pictures"), "--keep", "label", "--batch-size", "2")
    expected = images.reshape(6, -1).sum(axis=1) / 255
    assert np.allclose(found["sum"].to_pylist(), [*expected[::2], *expected[1::2]], rtol=1e-6)
    assert found["label"].to_pylist() == ["a", "a", "a", "b", "b", "b"]


USUAL = ["label", "probability", "probability_iris", "probability_lily", "probability_rose"]
CHANCES, LOGITS = USUAL[2:], ["logits_0", "logits_1", "logits_2"]


@pytest.mark.parametrize(
    ("what", "columns"),
    [
        ([], USUAL),
        (["label"], ["label"]),
        (["probabilities"], CHANCES),
        (["label,probabilities"], USUAL),
        (["outputs"], LOGITS),
        (["all"], USUAL + LOGITS),
        (["features=relu"], ["relu"]),
        (["features"], ["relu"]),
        (["label", "features=linear"], ["label", "linear"]),
        (["outputs,features=logits"], [*LOGITS, "logits"]),
    ],
)
def test_what_is_asked_for_is_written_and_nothing_else(trained, tmp_path, what, columns):
    words = [word for text in what for word in ("--what", text)]
    found = answers(trained.model, tmp_path / "out.parquet", str(trained.data), *words)
    assert found.column_names == columns
    usual = answers(trained.model, tmp_path / "all.parquet", str(trained.data), "--what", "all")
    for name in set(columns) & set(usual.column_names):
        assert found[name].equals(usual[name])
    if "logits" in columns:
        stacked = np.stack([usual[name].to_numpy() for name in LOGITS], axis=1)
        assert np.array_equal(np.stack(found["logits"].to_pylist()), stacked)


def test_features_beside_labels_are_those_of_dlc_features(trained, tmp_path):
    out = tmp_path / "features.parquet"
    given = [str(trained.model), str(trained.data), "-o", str(out), "--node", "relu"]
    assert main(["features", *given]) == 0
    found = answers(
        trained.model, tmp_path / "o.parquet", str(trained.data), "--what", "label,features=relu"
    )
    assert found["relu"].equals(parquet.read_table(out)["relu"])


@pytest.mark.parametrize(
    ("words", "status", "code", "told"),
    [
        (["--what", "labels"], 2, "E0943", "`label`"),
        (["--what", "label=3"], 2, "E0943", "`features=NODE`"),
        (["--what", "features=relu,features=linear"], 2, "E0943", "one at a time"),
        (["--what", "features=rely"], 2, "E0707", "`relu`"),
        (["--resume"], 2, "E0311", "-o"),
        (["--chunk-rows", "9"], 2, "E0311", "-o"),
        (["--delimiter", ";;"], 2, "E0311", "one character"),
        (["-o", "."], 2, "E0611", "`*.parquet`"),
    ],
)
def test_mistakes_are_told(trained, capsys, words, status, code, told):
    assert main(["predict", str(trained.model), str(trained.data), *words]) == status
    err = capsys.readouterr().err
    assert f"error[{code}]" in err
    assert told in err


def test_a_model_without_labels_says_so(sums, tmp_path, capsys):
    np.savez(tmp_path / "images.npz", image=np.zeros((3, 1, 4, 4), np.uint8))
    for word in ("label", "probabilities"):
        assert main(["predict", str(sums), str(tmp_path / "images.npz"), "--what", word]) == 2
        assert "error[E0943]" in capsys.readouterr().err
    assert main(["predict", str(sums), str(tmp_path / "images.npz"), "--what", "all"]) == 0


def test_a_glob_without_files_and_a_file_without_a_column_are_told(trained, tmp_path, capsys):
    assert main(["predict", str(trained.model), str(tmp_path / "no*.csv")]) == 65
    assert "no file matches" in capsys.readouterr().err
    other = tmp_path / "other.csv"
    other.write_text("m_0,m_1,m_2\n1,2,3\n")
    out = tmp_path / "out.csv"
    given = ["predict", str(trained.model), str(trained.data), str(other), "-o", str(out)]
    assert main(given) == 65
    err = capsys.readouterr().err
    assert "error[E0605]" in err
    assert "other.csv" in err
    # Told before anything is answered.
    assert not out.with_name("out.csv.parts").exists()


def test_types_that_drift_end_in_one_that_holds_all(trained, tmp_path):
    rows = trained.table.to_pylist()
    for index, row in enumerate(rows):
        row["id"] = None if index < 40 else index if index < 80 else index / 2
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ("--keep", "id", "--batch-size", "10", "--chunk-rows", "10")
    found = answers(trained.model, tmp_path / "out.parquet", str(path), *more)
    assert found["id"].to_pylist() == [row["id"] for row in rows]


def test_rows_that_are_left_out_are_told_and_counted(trained, tmp_path, capsys):
    lines = trained.data.read_text().splitlines()
    lines[3], lines[100] = "2,iris,1,2,x,4", "99,iris,1,2"
    data = tmp_path / "bad.csv"
    data.write_text("\n".join(lines) + "\n")
    given = ["predict", str(trained.model), str(data), "--on-bad-sample", "skip"]
    assert main([*given, "-o", str(tmp_path / "o.csv"), "--numbers", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["skipped"]["count"]) == (118, 2)
    assert [row["row"] for row in found["skipped"]["rows"]] == [3, 100]
    numbers = [int(t.split(",")[0]) for t in (tmp_path / "o.csv").read_text().splitlines()[1:]]
    assert numbers == [row for row in range(1, 121) if row not in (3, 100)]
