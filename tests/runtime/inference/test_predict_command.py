"""`dlc predict` as people and programs use it."""

from __future__ import annotations

import json
import shutil

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.data.tables import open_table


@pytest.fixture
def predict(trained, capsys):
    """Runs the command; gives the status and both streams."""

    def run(*words, model=None, data=None):
        status = main(["predict", str(model or trained.model), str(data or trained.data), *words])
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    return run


def test_a_short_table_says_how_to_get_the_rest_and_what_ran(predict):
    status, out, err = predict("--keep", "name", "--provider", "cpu")
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0].split() == ["row", "name", "label", "probability"]
    assert len(lines) == 13
    assert lines[11] == "the first 10 rows; `-o answers.csv` writes all"
    assert lines[12].startswith("runs on the CPU (CPUExecutionProvider), ")


def test_programs_get_one_object(predict):
    status, out, _ = predict("--format", "json", "--limit", "3")
    found = json.loads(out)
    assert status == 0
    assert (found["ok"], found["command"], found["rows"]) == (True, "predict", 3)
    assert [row["row"] for row in found["predictions"]] == [1, 2, 3]
    assert set(found["predictions"][0]) == {
        *("row", "label", "probability"),
        *("probability_iris", "probability_lily", "probability_rose"),
    }


def test_answers_go_to_a_file(predict, tmp_path):
    out = tmp_path / "new" / "answers.parquet"
    status, told, _ = predict("-o", str(out), "--keep", "id", "--batch-size", "7")
    assert status == 0
    assert "120 rows" in told
    found = open_table(out, "parquet").read(["id", "label"])
    assert found["id"].to_pylist() == [str(i) for i in range(120)]


def test_a_run_folder_stands_for_its_model(predict, trained, tmp_path):
    assert predict(model=trained.run)[0] == 0
    status, _, err = predict(model=tmp_path)
    assert status == 2
    assert "dlc export" in err


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["-o", "answers.xlsx"], 2, "E0611"),
        (["--keep", "nane"], 65, "E0605"),
        (["--keep", "id", "--keep", "id"], 2, "E0311"),
    ],
)
def test_mistakes_are_told_with_a_code(predict, words, status, code):
    found, out, err = predict(*words)
    assert (found, out) == (status, "")
    assert f"error[{code}]" in err


def test_a_batch_size_is_a_number_above_zero(predict):
    for word in ("0", "-1", "x"):
        assert predict("--batch-size", word)[0] == 2


def test_missing_files_are_told(predict, tmp_path):
    assert predict(model=tmp_path / "none.onnx")[0] == 2
    assert predict(data=tmp_path / "none.csv")[0] == 65
    assert predict(data=tmp_path / "none.xyz")[0] == 65


def test_answers_never_replace_what_they_are_made_from(predict, trained, tmp_path):
    data = tmp_path / "data.csv"
    shutil.copy(trained.data, data)
    before = data.read_bytes()
    status, _, err = predict("-o", str(data), data=data)
    assert status == 2
    assert "would replace" in err
    assert data.read_bytes() == before


def test_held_out_rows_stand_beside_their_true_values(predict, trained):
    status, out, _ = predict("--split", "test", "--format", "json")
    rows = json.loads(out)["predictions"]
    assert status == 0
    assert len(rows) == 24
    names = trained.table["name"].to_pylist()
    assert [row["name"] for row in rows] == [names[row["row"] - 1] for row in rows]
    status, out, _ = predict("--split", "test", "--limit", "4")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:5]] == [str(r["row"]) for r in rows[:4]]


def test_held_out_rows_of_other_data_are_not_known(predict, trained, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("\n".join(trained.data.read_text().splitlines()[:50]) + "\n")
    status, _, err = predict("--split", "test", data=other)
    assert status == 65
    assert "E0604" in err
