"""Figures on held-out rows: equal for a run and its file, refused where they cannot be."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pyarrow as pa
import pytest
from pyarrow import csv

from dlc.compiler.cli.main import main
from dlc.runtime.failures import Failure
from dlc.runtime.inference.evaluator import evaluate, model_subject, run_subject
from dlc.runtime.inference.predictor import Predictor, open_data


def refused(subject, **options):
    with pytest.raises(Failure) as caught:
        evaluate(subject, **options)
    return caught.value


def test_the_run_and_its_file_have_the_same_figures_and_those_of_training(trained):
    run = evaluate(run_subject(trained.run, "cpu"))
    file = evaluate(model_subject(trained.model, "cpu"))
    told = json.loads((trained.run / "summary.json").read_text())["test"]
    assert run.part == file.part == "test"
    assert run.rows == file.rows == 24
    for found in (run, file):
        assert found.metrics["accuracy"] == told["accuracy"]
        assert found.metrics["loss"] == pytest.approx(told["loss"], rel=1e-6)


@pytest.mark.parametrize(("part", "rows"), [("train", 72), ("validation", 24), ("all", 120)])
def test_other_parts_are_measured_when_asked_for(trained, part, rows):
    run = evaluate(run_subject(trained.run, "cpu"), part=part)
    file = evaluate(model_subject(trained.model, "cpu"), part=part)
    assert run.rows == file.rows == rows
    assert file.metrics["accuracy"] == run.metrics["accuracy"]
    assert file.metrics["loss"] == pytest.approx(run.metrics["loss"], rel=1e-6)


def test_a_copy_of_the_data_elsewhere_has_the_same_held_out_rows(trained, tmp_path):
    copy = tmp_path / "copy.csv"
    shutil.copy(trained.data, copy)
    alone = tmp_path / "alone.onnx"
    shutil.copy(trained.model, alone)
    found = evaluate(model_subject(alone, "cpu"), data=copy)
    assert (found.part, found.rows) == ("test", 24)
    assert found.metrics == evaluate(model_subject(trained.model, "cpu")).metrics


def test_other_data_is_measured_whole(trained, tmp_path):
    other = tmp_path / "other.csv"
    csv.write_csv(trained.table.slice(0, 50), other)
    for subject in (model_subject(trained.model, "cpu"), run_subject(trained.run, "cpu")):
        found = evaluate(subject, data=other)
        assert (found.part, found.rows) == ("all", 50)
        assert "its `test` part" in refused(subject, data=other, part="test").diagnostic.message


def test_data_that_changed_is_not_taken_for_held_out_rows(trained, tmp_path):
    folder = tmp_path / "flowers"
    shutil.copytree(trained.data.parent, folder)
    with (folder / "flowers.csv").open("a") as file:
        file.write('500,"rose",1,1,1,1\n')
    for subject in (
        run_subject(folder / "runs" / "flowers", "cpu"),
        model_subject(folder / "runs" / "flowers" / "model.onnx", "cpu"),
    ):
        failure = refused(subject)
        assert failure.diagnostic.code.number == "E0604"
        assert failure.exit_code == 65


def test_a_model_alone_asks_for_its_data(trained, tmp_path):
    shutil.copy(trained.model, tmp_path / "m.onnx")
    failure = refused(model_subject(tmp_path / "m.onnx", "cpu"))
    assert failure.diagnostic.help == "name the file: `--data rows.parquet`"
    assert failure.exit_code == 2


def test_a_class_that_the_model_does_not_know_is_bad_data(trained, tmp_path):
    names = ["tulip", *trained.table["name"].to_pylist()[1:]]
    index = trained.table.column_names.index("name")
    csv.write_csv(trained.table.set_column(index, "name", pa.array(names)), tmp_path / "f.csv")
    failure = refused(model_subject(trained.model, "cpu"), data=tmp_path / "f.csv")
    assert failure.diagnostic.code.number == "E0606"
    assert "`tulip`" in failure.diagnostic.message


def test_samples_show_the_truth_beside_the_answer(trained):
    found = evaluate(model_subject(trained.model, "cpu"), show=5)
    assert len(found.samples) == 5
    names = trained.table["name"].to_pylist()
    answers = Predictor(path=trained.model, provider="cpu").answers(open_data(trained.data))
    labels = next(iter(answers)).outputs["logits_label"]
    for sample in found.samples:
        assert sample.truth == {"logits": names[sample.row - 1]}
        assert sample.answer == {"logits": labels[sample.row - 1]}


def test_a_file_without_a_spec_is_refused(trained, tmp_path):
    model = onnx.load(trained.model)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(Failure) as caught:
        model_subject(tmp_path / "m.onnx", "cpu")
    assert "bears no spec" in caught.value.diagnostic.message


def test_a_spec_that_was_changed_is_refused(trained, tmp_path):
    model = onnx.load(trained.model)
    for entry in model.metadata_props:
        if entry.key == "dlc.spec":
            entry.value = entry.value.replace("seed: 3", "seed: 4")
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(Failure) as caught:
        model_subject(tmp_path / "m.onnx", "cpu")
    assert caught.value.diagnostic.code.number == "E0610"


def test_the_module_of_the_run_folder_is_compared_and_never_run(trained, tmp_path):
    folder = tmp_path / "flowers"
    shutil.copytree(trained.data.parent, folder)
    run = folder / "runs" / "flowers"
    canary = tmp_path / "canary"
    with (run / "model.py").open("a") as file:
        file.write(f"\nopen({str(canary)!r}, 'w')\n")
    with pytest.raises(Failure) as caught:
        run_subject(run, "cpu")
    assert caught.value.diagnostic.code.number == "E0613"
    assert not canary.exists()


def test_the_command_answers_with_one_object(trained, capsys):
    assert main(["evaluate", str(trained.model), "--format", "json", "--show", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["command"] == "evaluate"
    assert found["ok"] is True
    assert found["diagnostics"] == []
    assert set(found["metrics"]) == {"loss", "accuracy"}
    assert 0.5 < found["metrics"]["accuracy"] <= 1
    assert len(found["samples"]) == 1


def test_the_command_prints_figures_and_what_computed_them(trained, capsys):
    assert main(["evaluate", str(trained.model), "--provider", "cpu", "--show", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["row", "truth", "answer"]
    assert lines[4].startswith("24 rows of the test part of ")
    assert lines[4].endswith("runs on the CPU (CPUExecutionProvider)")


def test_without_torch_a_run_is_measured_by_its_file(trained, monkeypatch, capsys):
    monkeypatch.setattr("dlc.runtime.cli.evaluate.find_spec", lambda name: None)
    assert main(["evaluate", str(trained.run)]) == 0
    assert "CPUExecutionProvider" in capsys.readouterr().out
    (trained.run / "model.onnx").rename(trained.run / "away.onnx")
    try:
        assert main(["evaluate", str(trained.run)]) == 2
    finally:
        (trained.run / "away.onnx").rename(trained.run / "model.onnx")
    assert "needs PyTorch" in capsys.readouterr().err


def test_figures_do_not_depend_on_how_the_rows_are_cut(trained, monkeypatch):
    whole = evaluate(model_subject(trained.model, "cpu"), part="all").metrics
    monkeypatch.setattr(Predictor, "batch_rows", lambda self: 7)
    cut = evaluate(model_subject(trained.model, "cpu"), part="all").metrics
    np.testing.assert_allclose(list(cut.values()), list(whole.values()), rtol=1e-6)
