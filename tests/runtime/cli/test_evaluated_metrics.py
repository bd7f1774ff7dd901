"""A run and its file, evaluated: every figure, those of classes by name, and matrices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import csv

pytest.importorskip("torch")

from dlc.compiler.cli.main import main
from tests.runtime.conftest import COUNT, KINDS, SPEC, flowers

METRICS = """\
metrics:
  - accuracy(logits, kind)
  - f1(logits, kind)
  - recall(logits, kind, average=none)
  - precision(logits, kind, average=none)
  - auroc(logits, kind)
  - average_precision(logits, kind)
  - top_k_accuracy(logits, kind, k=2)
  - cohen_kappa(logits, kind, weights=quadratic)
  - perplexity(logits, kind)
  - confusion_matrix(logits, kind)
"""
EARLY = "train: {epochs: 3, early_stopping: {monitor: val_perplexity, patience: 9}}\n"


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_run_and_its_file_tell_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    csv.write_csv(flowers(np.random.default_rng(0), COUNT), "flowers.csv")
    text = SPEC.replace("metrics: accuracy(logits, kind)\n", METRICS)
    Path("flowers.yaml").write_text(text.replace("train: {epochs: 6}\n", EARLY))
    assert main(["train", "flowers.yaml", "--run", "run", "--format", "json"]) == 0
    summary = answer(capsys)
    records = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert summary["best"]["monitor"] == "val_perplexity"
    assert summary["best"]["value"] == min(record["val_perplexity"] for record in records)
    assert {f"val_recall.{kind}" for kind in KINDS} <= set(records[-1])
    assert not any("confusion" in name for name in records[-1])

    assert main(["evaluate", "run", "--format", "json"]) == 0
    of_run = answer(capsys)
    assert of_run["metrics"] == pytest.approx(summary["test"], rel=1e-6)
    matrix = of_run["matrices"]["confusion_matrix"]
    assert matrix == summary["matrices"]["test_confusion_matrix"]
    assert matrix["labels"] == list(KINDS)
    counts = np.asarray(matrix["counts"])
    assert counts.sum() == of_run["rows"]
    assert np.trace(counts) / counts.sum() == of_run["metrics"]["accuracy"]
    for index, kind in enumerate(KINDS):
        recall = counts[index, index] / counts[index].sum()
        assert of_run["metrics"][f"recall.{kind}"] == pytest.approx(recall)

    assert main(["export", "run", "--format", "json"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run/model.onnx", "--format", "json"]) == 0
    of_file = answer(capsys)
    assert of_file["metrics"] == pytest.approx(of_run["metrics"], rel=1e-4)
    assert of_file["matrices"] == of_run["matrices"]

    assert main(["evaluate", "run/model.onnx"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = lines.index("        recall  precision")
    assert [line.split()[0] for line in lines[table + 1 : table + 4]] == list(KINDS)
    head = lines.index("  confusion_matrix: true classes down, answers across")
    assert lines[head + 1].split() == list(KINDS)
    assert [line.split() for line in lines[head + 2 : head + 5]] == [
        [kind, *map(str, row)] for kind, row in zip(KINDS, counts.tolist(), strict=True)
    ]
