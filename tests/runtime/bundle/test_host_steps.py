"""Bundles of models with steps in front of the file: texts, dates, categories, pictures."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.bundle.golden import read_golden
from dlc.runtime.bundle.layout import CARD, HOST, MANIFEST, MODEL, SPEC
from dlc.runtime.inference.session import open_model

pytest.importorskip("torch")

SPEC_TEXT = """\
dlc: 1
name: Mixed
dims: {T: 1..32}
inputs:
  words: "int[N, T]"
  lengths: "int[N]"
  padding: "bool[N, T]"
  sold: float[N, 4]
  url: int[N]
  city: float[N, 3]
  amount: float[N, 1]
layers:
  - {from: words, embedding: {num_embeddings: 60, embedding_dim: 4}}
  - {masked_mean: {padding_mask: padding}, name: text}
  - {from: url, embedding: [8, 2], name: u}
  - {from: "[text, u, sold, city, amount]", concat: {dim: 1}}
  - linear: 2
    output: logits
targets: {verdict: "int[N]"}
data:
  source: FOLDER/rows.csv
  columns: {words: text, sold: sold, url: url, city: city, amount: amount, verdict: verdict}
  split: {train: 0.6, validation: 0.2, test: 0.2}
preprocess:
  words: [lowercase, "word(vocabulary=60, max_length=20, lengths=lengths, mask=padding)"]
  sold: "cyclic([month, weekday])"
  url: hashing(8)
  city: ["vocabulary(max_size=3)", one_hot(3)]
  amount: [log, standardize]
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, verdict)
optimizer: adam(lr=0.01)
train: {epochs: 1, precision: float32}
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """The run, its bundle, and the folder that the spec names by an absolute path."""
    folder = tmp_path_factory.mktemp("someones home")
    rng = np.random.default_rng(0)
    with (folder / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "sold", "url", "city", "amount", "verdict"])
        for _ in range(60):
            rows.writerow(
                [
                    " ".join(rng.choice(["Good", "bad", "old", "new"], rng.integers(1, 6))),
                    f"2024-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
                    f"http://x/{rng.integers(9)}",
                    rng.choice(["Oslo", "Łódź"]),
                    round(float(np.exp(rng.normal())), 4),
                    rng.choice(["yes", "no"]),
                ]
            )
    (folder / "spec.yaml").write_text(
        SPEC_TEXT.replace("FOLDER", f'"{folder}').replace("rows.csv\n", 'rows.csv"\n')
    )
    run = folder / "run"
    assert main(["train", str(folder / "spec.yaml"), "--run", str(run)]) == 0
    assert main(["export", str(run), "--bundle", str(folder / "out")]) == 0
    return folder


def test_the_steps_in_front_are_in_the_bundle_and_in_the_golden_answers(mixed):
    out = mixed / "out"
    host = json.loads((out / HOST).read_bytes())
    assert host["sold"]["host"] == [{"cyclic": {"parts": ["month", "weekday"]}}]
    assert json.loads((out / "words.tokenizer.json").read_bytes())["model"]["vocab"]
    golden = read_golden(out)
    assert set(golden.columns) == {"words", "sold", "url"}
    assert any("№" in text for text in golden.columns["words"])
    assert golden.inputs["words"].dtype == np.int64
    assert golden.inputs["city"].dtype == object
    assert golden.core_inputs["city"].shape == (golden.rows, 3)
    assert golden.core_inputs["amount"].dtype == np.float32


def test_it_is_sound_and_other_steps_are_told(mixed, capsys):
    assert main(["verify", str(mixed / "out"), "--runs", "1"]) == 0
    assert "the steps in front give their golden inputs: " in capsys.readouterr().out


def test_no_file_tells_where_it_was_made(mixed):
    for path in (mixed / "out").iterdir():
        content = path.read_bytes()
        assert str(mixed).encode() not in content, path.name
        assert mixed.name.encode() not in content, path.name
    assert "rows.csv" in (mixed / "out" / SPEC).read_text()
    record = json.loads((mixed / "out" / MANIFEST).read_bytes())
    metadata = open_model(mixed / "out" / MODEL, "cpu").metadata
    assert metadata["dlc.digest"] == record["digest"]


def test_it_measures_what_its_run_measures(mixed, capsys):
    found = {}
    for target in ("run", "out"):
        words = ["evaluate", str(mixed / target), "--split", "test", "--format", "json"]
        assert main([*words, "--data", str(mixed / "rows.csv")]) == 0
        found[target] = json.loads(capsys.readouterr().out)["metrics"]
    assert found["out"]["loss"] == pytest.approx(found["run"]["loss"], rel=1e-5)


def test_the_card_says_what_was_seen(mixed):
    card = (mixed / "out" / CARD).read_text()
    for text in (
        "# Mixed",
        "`Łódź`",
        "`no`, `yes`",
        "## Limits",
        "## Cost",
        "The size `T` is from 1 to 32",
        "Texts of `words` are cut to 20 pieces",
        "| val_loss | validation |",
        "no rows of the data",
    ):
        assert text in card, text
