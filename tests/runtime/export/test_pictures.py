"""Pictures from files to a trained network, its file, and back: the same at every border."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from dlc.compiler.cli.main import main
from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.compiler.components.preprocessing.crop import Crop
from dlc.compiler.components.preprocessing.grayscale import Grayscale
from dlc.compiler.components.preprocessing.normalize import Normalize
from dlc.compiler.components.preprocessing.pad import Pad
from dlc.compiler.components.preprocessing.resize import Resize
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.runtime.data.pictures import picture_type, pictures, planes

SPEC = """dlc: 1
name: Shades
inputs:
  image: float[N, 1, 12, 12]
layers:
  - conv2d: {out_channels: 3, kernel_size: 3}
  - relu
  - global_avg_pool
  - linear: 2
    output: logits
targets:
  label: int[N]
data:
  source: shades
  columns: {image: image, label: label}
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: label, seed: 1}
  batch_size: 4
  augment: [random_crop(12), horizontal_flip, color_jitter(0.2), mixup(0.1)]
preprocess:
  image: [grayscale, resize(20), center_crop(12), "normalize(0.5, 0.25)"]
postprocess:
  logits: [softmax, labels]
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=0.02)
train: {epochs: 2}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        folder = tmp_path / "shades" / name
        folder.mkdir(parents=True)
        for index in range(10):
            height, width = rng.integers(16, 40, 2)
            noise = rng.normal(level, 30, (height, width, 3))
            pixels = np.clip(noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return path


def test_pictures_of_all_sizes_are_trained_on_exported_and_answered(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = tmp_path / "run", tmp_path / "run" / "model.onnx"
    assert main(["train", str(spec), "--run", str(run)]) == 0
    assert main(["export", str(run)]) == 0
    assert "takes image: uint8[N, image_height, image_width, 3]" in capsys.readouterr().out
    summaries = []
    for target in (run, file):
        assert main(["evaluate", str(target), "--format", "json"]) == 0
        summaries.append(json.loads(capsys.readouterr().out))
    by_torch, by_file = (found["metrics"] for found in summaries)
    assert by_torch == pytest.approx(by_file, rel=1e-4)
    answers = tmp_path / "answers.csv"
    assert main(["predict", str(file), str(tmp_path / "shades"), "-o", str(answers)]) == 0
    with answers.open(newline="") as file_of_answers:
        given = list(csv.DictReader(file_of_answers))
    assert len(given) == 20

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    files = sorted((tmp_path / "shades").rglob("*.png"))
    for path, row in zip(files, given, strict=True):
        image = np.asarray(Image.open(path))[None]
        label = session.run(["logits_label"], {"image": image})[0]
        assert label[0] == row["label"]


@pytest.mark.parametrize(
    ("chain", "declared", "expected"),
    [
        ((), (3, 8, 9), (8, 9, 3)),
        ((Normalize(mean=0.0, std=1.0),), (1, 8, 9), (8, 9, 1)),
        ((Resize(height=8),), (3, 8, 8), (symbol("x_height"), symbol("x_width"), 3)),
        (
            (Grayscale(), CenterCrop(height=8)),
            (1, 8, 8),
            (symbol("x_height"), symbol("x_width"), 3),
        ),
        (
            (Pad(padding=4, mode="reflect"), Crop(height=8, width=6, top=2), Resize(height=5)),
            (3, 5, 5),
            (symbol("x_height", 10), symbol("x_width", 6), 3),
        ),
    ],
)
def test_what_a_file_takes(chain: object, declared: object, expected: object) -> None:
    n = symbol("N")
    found = picture_type("x", chain, float_tensor(n, *declared))  # type: ignore[arg-type,misc]
    assert found == TensorType(DType.UINT8, (n, *expected))  # type: ignore[misc]


def test_bytes_and_planes_are_each_others_reverse() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(pictures(planes(every)), every)
    assert planes(every).shape == (1, 1, 16, 16)
    assert float(planes(every).max()) == 1.0
