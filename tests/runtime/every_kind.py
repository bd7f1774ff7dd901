"""A model of every kind of column: pictures, texts, numbers, categories, lists, dates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

SPEC = """\
dlc: 1
name: EveryKind
inputs:
  photo: float[N, 3, 8, 8]
  pixels: float[N, 1, 4, 4]
  review: int[N, T]
  lengths: int[N]
  padding: bool[N, T]
  numbers: float[N, 3]
  city: float[N, 4]
  zone: int[N]
  tags: float[N, 4]
  url: int[N]
  sold: float[N, 6]
layers:
  - {from: photo, flatten: {}, name: p}
  - {from: pixels, flatten: {}, name: q}
  - {from: review, embedding: [40, 6], name: words}
  - {from: words, lstm: {hidden_size: 5, lengths: lengths, return_sequences: false}, name: t}
  - {from: words, masked_mean: {padding_mask: padding}, name: m}
  - {from: zone, embedding: [8, 3], name: z}
  - {from: url, embedding: [16, 3], name: u}
  - {from: "[p, q, t, m, numbers, city, z, u, tags, sold]", concat: {dim: 1}, name: all}
  - {from: all, linear: 3, output: logits}
  - {from: all, linear: 1, output: amount}
targets: {label: "int[N]", paid: "float[N, 1]"}
data:
  source: rows.parquet
  columns:
    {photo: photo, pixels: pixels, review: review, numbers: [a, b, c], city: city, zone: zone,
     tags: tags, url: url, sold: sold, label: label, paid: paid}
  split: {train: 0.6, validation: 0.2, test: 0.2}
preprocess:
  photo: "resize(8, 8)"
  pixels: scale(1/16)
  review:
    - normalize_unicode
    - lowercase
    - word: {vocabulary: 40, max_length: 6, lengths: lengths, mask: padding}
  numbers: ["impute(median)", standardize]
  city: ["vocabulary(max_size=4)", one_hot(4)]
  zone: "vocabulary(max_size=8)"
  tags: "multi_hot(4, separator=';')"
  url: hashing(16)
  sold: "cyclic([month, weekday, hour])"
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, label) + mse_loss(amount, paid)
optimizer: adam(lr=0.01)
train: {epochs: 1, precision: float32}
"""
WORDS = ("good", "bad", "Straße", "ﬁlm", "Ωmega", "it's", "well-made", "日本語", "naïve", "!")
CITIES = ("Oslo", "Rome", "Łódź", "Paris", "Bonn")
ROWS = 60


@dataclass(frozen=True)
class EveryKind:
    folder: Path
    rows: list[dict[str, Any]]

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def model(self) -> Path:
        return self.run / "model.onnx"

    @property
    def table(self) -> Path:
        return self.folder / "rows.parquet"


def sample(draw: np.random.Generator, folder: Path, index: int) -> dict[str, Any]:
    from PIL import Image

    height, width = draw.integers(9, 30, 2)
    name = f"photos/{index}.png"
    pixels = draw.integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / name)
    return {
        "photo": name,
        "pixels": [int(value) for value in draw.integers(0, 17, 16)],
        "review": " ".join(draw.choice(WORDS, draw.integers(1, 9))),
        "a": None if draw.random() < 0.2 else float(round(draw.normal(5, 2), 3)),
        "b": float(round(draw.normal(), 3)),
        "c": float(round(draw.normal(100, 30), 1)),
        "city": str(draw.choice(CITIES)),
        "zone": int(draw.integers(1, 6)),
        "tags": ";".join(draw.choice(["x", "y", "z"], draw.integers(1, 4))),
        "url": f"http://x/{draw.integers(30)}",
        "sold": str(np.datetime64("2024-01-01T00:00") + draw.integers(500_000)),
        "label": str(draw.choice(["no", "perhaps", "yes"])),
        "paid": float(round(draw.normal(), 3)),
    }


@pytest.fixture(scope="session")
def every(tmp_path_factory: pytest.TempPathFactory) -> EveryKind:
    pytest.importorskip("torch")
    from dlc.compiler.cli.main import main

    folder = tmp_path_factory.mktemp("every")
    (folder / "photos").mkdir()
    draw = np.random.default_rng(0)
    rows = [sample(draw, folder, index) for index in range(ROWS)]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    (folder / "every.yaml").write_text(SPEC)
    run = str(folder / "run")
    assert main(["train", str(folder / "every.yaml"), "--run", run, "--device", "cpu"]) == 0
    assert main(["export", run]) == 0
    return EveryKind(folder, rows)


def answered(model: Path, table: Path) -> list[dict[str, Any]]:
    """What Python answers for the rows of a table, by output."""
    from dlc.runtime.inference.predictor import Predictor, open_data

    rows = []
    for found in Predictor(path=model, provider="cpu").answers(open_data(table)):
        for row in range(len(found.numbers)):
            values = {name: value[row] for name, value in found.outputs.items()}
            rows.append({n: v if isinstance(v, str) else v.tolist() for n, v in values.items()})
    return rows
