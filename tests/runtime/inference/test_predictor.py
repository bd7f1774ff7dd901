"""Answers of a model file for tables: columns, chunks, formats, bad data."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from pyarrow import csv, parquet

from dlc.runtime.failures import Failure
from dlc.runtime.inference.answers import AnswerFile
from dlc.runtime.inference.predictor import Answers, Predictor, open_data

KINDS = ("iris", "lily", "rose")


def all_answers(predictor, path, **options):
    parts = [
        pa.table(part.columns(predictor.info.labels))
        for part in predictor.answers(open_data(path), **options)
    ]
    return pa.concat_tables(parts)


def identity(dtype, shape, batch="N"):
    """A model of one input `x` and one output `y`, equal to it."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", dtype, [batch, *shape])],
        [helper.make_tensor_value_info("y", dtype, [batch, *shape])],
    )
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])


@pytest.fixture
def model(tmp_path):
    def write(*arguments, **options):
        path = tmp_path / "identity.onnx"
        onnx.save(identity(*arguments, **options), path)
        return Predictor(path=path, provider="cpu")

    return write


def refused(predictor, path, **options):
    with pytest.raises(Failure) as caught:
        all_answers(predictor, path, **options)
    return caught.value


def test_answers_have_names_probabilities_and_the_order_of_the_rows(trained):
    predictor = Predictor(path=trained.model, provider="cpu")
    found = all_answers(predictor, trained.data, keep=("id", "name"))
    assert found.column_names == [
        *("id", "name", "label", "probability"),
        *(f"probability_{kind}" for kind in KINDS),
    ]
    assert found["id"].to_pylist() == [str(i) for i in range(120)]
    chances = np.stack([found[f"probability_{kind}"].to_numpy() for kind in KINDS], axis=1)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found["probability"].to_numpy(), chances.max(axis=1))
    assert found["label"].to_pylist() == [KINDS[i] for i in chances.argmax(axis=1)]
    right = np.mean(np.array(found["label"].to_pylist()) == trained.table["name"].to_pylist())
    assert right > 0.8


def test_every_format_and_every_batch_size_gives_the_same_answers(trained, tmp_path):
    predictor = Predictor(path=trained.model, provider="cpu")
    expected = all_answers(predictor, trained.data)
    csv.write_csv(trained.table, tmp_path / "f.tsv", csv.WriteOptions(delimiter="\t"))
    rows = trained.table.to_pylist()
    (tmp_path / "f.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shuffled = trained.table.select(sorted(trained.table.column_names))
    parquet.write_table(shuffled, tmp_path / "f.parquet")
    for name in ("f.tsv", "f.jsonl", "f.parquet"):
        for batch in (1, 7, 1000):
            found = all_answers(predictor, tmp_path / name, batch_size=batch)
            for column in found.column_names[1:]:
                np.testing.assert_allclose(
                    found[column].to_numpy(), expected[column].to_numpy(), rtol=1e-4, atol=1e-6
                )
            assert found["label"].to_pylist() == expected["label"].to_pylist()


def test_a_limit_reads_no_further(trained, tmp_path):
    lines = trained.data.read_text().splitlines()
    (tmp_path / "f.csv").write_text("\n".join([*lines[:6], '9,"rose",bad,1,1,1']) + "\n")
    predictor = Predictor(path=trained.model, provider="cpu")
    assert all_answers(predictor, tmp_path / "f.csv", limit=5).num_rows == 5
    failure = refused(predictor, tmp_path / "f.csv")
    assert failure.diagnostic.code.number == "E0606"
    assert failure.exit_code == 65
    assert "row 6" in failure.diagnostic.message


def test_a_missing_column_is_named(trained, tmp_path):
    csv.write_csv(trained.table.drop_columns(["m_3"]), tmp_path / "f.csv")
    failure = refused(Predictor(path=trained.model, provider="cpu"), tmp_path / "f.csv")
    assert failure.diagnostic.code.number == "E0605"
    assert "`m_3`" in failure.diagnostic.message


def test_a_kept_column_must_be_there_and_never_hides_an_answer(trained, tmp_path):
    table = trained.table.rename_columns(["label", *trained.table.column_names[1:]])
    csv.write_csv(table, tmp_path / "f.csv")
    predictor = Predictor(path=trained.model, provider="cpu")
    found = all_answers(predictor, tmp_path / "f.csv", keep=("label",))
    assert found.column_names[:2] == ["label", "predicted_label"]
    failure = refused(predictor, tmp_path / "f.csv", keep=("lable",))
    assert failure.diagnostic.code.number == "E0605"


def test_a_whole_number_that_the_input_cannot_hold_is_bad_data(model, tmp_path):
    predictor = model(TensorProto.UINT8, [2])
    (tmp_path / "f.jsonl").write_text('{"x": [1, 255]}\n{"x": [3, 256]}\n')
    failure = refused(predictor, tmp_path / "f.jsonl")
    assert failure.diagnostic.code.number == "E0606"
    assert "row 2" in failure.diagnostic.message


def test_a_file_of_another_maker_is_fed_by_the_names_of_its_inputs(model, tmp_path):
    predictor = model(TensorProto.FLOAT, [2])
    (tmp_path / "f.jsonl").write_text('{"x": [1, 2]}\n{"x": [3, 4]}\n')
    found = all_answers(predictor, tmp_path / "f.jsonl")
    assert found.to_pydict() == {"y_0": [1.0, 3.0], "y_1": [2.0, 4.0]}


def test_an_output_of_many_dims_is_one_column_of_lists(model, tmp_path):
    predictor = model(TensorProto.INT64, [2, 1])
    (tmp_path / "f.jsonl").write_text('{"x": [[1], [2]]}\n')
    assert all_answers(predictor, tmp_path / "f.jsonl").to_pydict() == {"y": [[[1], [2]]]}


def test_a_batch_of_fixed_size_is_filled_up_and_cut_again(model, tmp_path):
    predictor = model(TensorProto.FLOAT, [1], batch=4)
    (tmp_path / "f.csv").write_text("x\n" + "".join(f"{i}\n" for i in range(10)))
    for batch in (None, 3, 100):
        found = all_answers(predictor, tmp_path / "f.csv", batch_size=batch)
        assert found["y"].to_pylist() == list(range(10))


def test_batches_fit_in_some_megabytes(model):
    assert model(TensorProto.FLOAT, [4]).batch_rows() == 1024
    assert model(TensorProto.FLOAT, [3, 512, 512]).batch_rows() == 5
    assert model(TensorProto.FLOAT, [4], batch=8).batch_rows() == 8


def test_an_input_that_no_column_fills_is_refused(tmp_path):
    onnx.save(identity(TensorProto.COMPLEX64, [2]), tmp_path / "m.onnx")
    with pytest.raises(Failure) as caught:
        Predictor(path=tmp_path / "m.onnx", provider="cpu")
    assert caught.value.diagnostic.code.number == "E0610"


def test_damaged_metadata_is_refused(tmp_path):
    model = identity(TensorProto.FLOAT, [2])
    model.metadata_props.add(key="dlc.version", value="0.1.0")
    model.metadata_props.add(key="dlc.preprocess", value='{"x": ' + "[" * 100_000)
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(Failure) as caught:
        Predictor(path=tmp_path / "m.onnx", provider="cpu")
    assert caught.value.diagnostic.code.number == "E0610"
    assert "metadata" in caught.value.diagnostic.message


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_answers_are_written_whole(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with AnswerFile(path) as file:
        file.write({"label": pa.array(["a", 'b "c",']), "p": pa.array([0.5, 1.0], pa.float32())})
        file.write({"label": pa.array(["d"]), "p": pa.array([0.25], pa.float32())})
    rows = [
        {name: str(value) for name, value in row.items()}
        for row in open_data(path).read(["label", "p"]).to_pylist()
    ]
    assert [row["label"] for row in rows] == ["a", 'b "c",', "d"]
    assert [float(row["p"]) for row in rows] == [0.5, 1.0, 0.25]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_lists_are_text_in_a_delimited_file(tmp_path):
    with AnswerFile(tmp_path / "out.csv") as file:
        file.write({"y": pa.array([[1, 2], [3, 4]])})
    assert open_data(tmp_path / "out.csv").read(["y"])["y"].to_pylist() == ["[1, 2]", "[3, 4]"]


def write_and_fail(path):
    with AnswerFile(path) as file:
        file.write({"a": pa.array([1])})
        raise KeyError


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(KeyError):
        write_and_fail(path)
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"]


def test_an_unknown_suffix_is_a_usage_error(tmp_path):
    with pytest.raises(Failure) as caught:
        AnswerFile(tmp_path / "out.xlsx")
    assert caught.value.exit_code == 2


def test_predicting_never_imports_torch(trained, tmp_path):
    program = f"""
import sys
sys.modules["torch"] = None
from dlc.compiler.cli.main import main
status = main(["predict", {str(trained.model)!r}, {str(trained.data)!r}, "-o", "out.csv"])
status = status or main(["evaluate", {str(trained.model)!r}])
sys.exit(status)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 121


def columns_of(outputs, labels=None):
    numbers = np.arange(1, 1 + len(next(iter(outputs.values()))))
    part = Answers(numbers=numbers, outputs=outputs, kept=pa.table({}))
    return {name: values.to_pylist() for name, values in part.columns(labels or {}).items()}


def test_several_outputs_bear_their_names():
    found = columns_of(
        {
            "emotion": np.array([[0.0, 1.0]], np.float32),
            "age": np.array([[31.0]], np.float32),
            "emotion_probabilities": np.array([[0.25, 0.75]], np.float32),
            "emotion_label": np.array(["glad"], dtype=object),
        },
        {"emotion": ("sad", "glad")},
    )
    assert found == {
        "emotion_label": ["glad"],
        "emotion_probability": [0.75],
        "emotion_probability_sad": [0.25],
        "emotion_probability_glad": [0.75],
        "age": [31.0],
    }


def test_yes_or_no_answers_are_probabilities_of_their_own():
    scores = np.array([[0.0], [2.0]], np.float32)
    assert columns_of({"score": scores, "score_probabilities": scores + 0.5}) == {
        "probability": [0.5, 2.5]
    }
    scores = np.zeros((1, 2), np.float32)
    assert columns_of({"score": scores, "score_probabilities": scores}) == {
        "probability_0": [0.0],
        "probability_1": [0.0],
    }


def test_a_great_many_classes_are_one_list():
    scores = np.zeros((1, 500), np.float32)
    found = columns_of({"y": scores, "y_probabilities": scores, "y_label": np.array(["7"])})
    assert list(found) == ["label", "probability", "probabilities"]
    assert len(found["probabilities"][0]) == 500


def test_a_label_for_each_place_of_a_sequence_is_a_list():
    labels = np.array([["a", "b"]], dtype=object)
    assert columns_of({"y": np.zeros((1, 2, 3)), "y_label": labels}) == {"label": [["a", "b"]]}
