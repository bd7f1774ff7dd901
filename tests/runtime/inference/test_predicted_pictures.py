"""A folder of pictures of many sizes, from training to the answers of the exported file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.inference.evaluator import evaluate, model_subject, run_subject
from dlc.runtime.inference.predictor import Predictor, open_data

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("torch")

SPEC = """\
dlc: 1
name: Colours

inputs:
  image: float[N, 3, 8, 8]

layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: 3
    output: logits

targets:
  label: int[N]

data:
  source: pictures
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: label}
  batch_size: 8
  on_bad_sample: skip
preprocess:
  image: ["resize(8, 8)", standardize]
postprocess:
  logits: [softmax, labels]
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=0.01)
train: {epochs: 3}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("colours")
    draw = np.random.default_rng(0)
    for index in range(45):
        pixels = draw.integers(0, 100, (*draw.integers(9, 20, 2), 3)).astype(np.uint8)
        pixels[..., index % 3] += 120
        place = root / "pictures" / ("red", "green", "blue")[index % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{index:02}.{('png', 'jpg')[index % 2]}")
    (root / "pictures/green/00.png").write_bytes(b"no picture")
    (root / "colours.yaml").write_text(SPEC)
    run = str(root / "run")
    assert main(["train", str(root / "colours.yaml"), "--run", run, "--device", "cpu"]) == 0
    assert main(["export", run]) == 0
    return root


def test_a_run_and_its_file_measure_the_same(folder: Path) -> None:
    ours = evaluate(run_subject(folder / "run", "cpu"))
    theirs = evaluate(model_subject(folder / "run/model.onnx", "cpu"))
    assert ours.rows == theirs.rows == 9
    assert ours.metrics["accuracy"] > 0.8
    assert theirs.metrics == pytest.approx(ours.metrics, rel=1e-4, abs=1e-5)


def test_bad_pictures_have_no_answer_and_the_others_one_each(folder: Path) -> None:
    predictor = Predictor(path=folder / "run/model.onnx", provider="cpu")
    table = open_data(folder / "pictures")
    table.skip = True
    found = list(predictor.answers(table, keep=("label",)))
    numbers = np.concatenate([part.numbers for part in found])
    bad = 1 + 15
    assert numbers.tolist() == [row for row in range(1, 47) if row != bad]
    said = [label for part in found for label in part.outputs["logits_label"].tolist()]
    kept = [label for part in found for label in part.kept["label"].to_pylist()]
    assert np.mean([a == b for a, b in zip(said, kept, strict=True)]) > 0.8


def test_a_bundle_of_a_model_of_pictures_is_sound(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(folder / "out")
    assert main(["export", str(folder / "run"), "--bundle", out]) == 0
    assert main(["verify", out, "--provider", "cpu", "--runs", "1"]) == 0
    capsys.readouterr()
    assert main(["predict", out, str(folder / "pictures/red"), "--limit", "2"]) == 0
    assert "red" in capsys.readouterr().out
