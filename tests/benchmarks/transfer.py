"""A LeNet that has learned the digits 0 to 4 and learns 5 to 9 from 100 samples, against the
same network from scratch.

For every seed: a source trained on all digits 0 to 4, and 4,000 digits of 5 to 9 of which 100
are learned from, 400 are for validation and 3,500 for the test, 20 of each class among the
100. Learning rates, and what of the source is kept, are chosen by the mean accuracy on the
validation parts over all seeds, for both sides; the test parts are looked at once, with what was
chosen. The difference is paired by seed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from dlc.compiler.cli.main import main as dlc

DATA = Path(__file__).resolve().parents[2] / "specs" / "data" / "mnist10k.parquet"
SEEDS = range(5)
RATES = (3e-4, 1e-3, 3e-3)
EPOCHS, SOURCE_EPOCHS, ROWS = 60, 20, 4000

SPEC = """\
dlc: 1
name: LeNet5
inputs:
  image: float[N, 1, 28, 28]
layers:
  - normalize: {mean: 0.1307, std: 0.3081}
  - conv2d: {out_channels: 6, kernel_size: 5, padding: 2}
  - tanh
  - avg_pool2d: 2
  - conv2d: {out_channels: 16, kernel_size: 5}
  - tanh
  - avg_pool2d: 2
  - flatten
  - linear: 120
  - tanh
  - dropout: 0.3
  - linear: 84
  - tanh
  - linear: 10
    output: logits
init: {conv2d: xavier_uniform, linear: xavier_uniform, bias: zeros}
targets:
  label: int[N]
data:
  source: %(source)s
  columns: {image: image, label: label}
  split: %(split)s
  batch_size: %(batch)d
%(more)spreprocess:
  image: scale(1/255)
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: {adamw: {lr: %(rate)g, weight_decay: 0.01}}
schedule: {cosine: {warmup_steps: 20}}
train: {epochs: %(epochs)d, validate_every: epochs(%(epochs)d), seed: %(seed)d}
%(transfer)s"""

AUGMENT = "  augment: affine(degrees=10, translate=[0.1, 0.1], scale=[0.9, 1.1])\n"
#: What of the source the other side starts from, and how that is trained.
KEPT = {
    "all layers but the last": "{logits: null}",
    "the convolutions": "{linear: null, linear_2: null, logits: null}",
}
WAYS = {
    f"{kept}, {how}": f"transfer: {{rename: {rename}{more}}}\n"
    for kept, rename in KEPT.items()
    for how, more in (
        ("all trained", ""),
        ("convolutions at a tenth of the rate", ", lr_scale: {conv2d: 0.1, conv2d_2: 0.1}"),
        ("convolutions frozen", ", freeze: [conv2d, conv2d_2]"),
    )
}


def write_data(folder: Path, seed: int) -> None:
    """The 4,000 digits of 5 to 9 of a seed, as many of each class."""
    table = parquet.read_table(DATA)
    labels = table["label"].to_numpy()
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(np.flatnonzero(labels == digit), ROWS // 5, replace=False)
        for digit in range(5, 10)
    ]
    parquet.write_table(
        table.take(pa.array(np.sort(np.concatenate(chosen)))), folder / "few.parquet"
    )
    parquet.write_table(table, folder / "mnist.parquet")


def train(folder: Path, run: str, start: str | None = None, **settings: object) -> dict[str, float]:
    """The accuracies of a run on its validation and test part."""
    spec = folder / f"{run}.yaml"
    spec.write_text(SPEC % settings)
    words = ["train", str(spec), "--run", str(folder / run)]
    words += ["--from", str(folder / start)] if start else []
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()) as said,
    ):
        status = dlc(words)
    assert status == 0, said.getvalue()
    summary = json.loads((folder / run / "summary.json").read_text())
    return {
        "validation": summary["metrics"]["val_accuracy"],
        "test": summary.get("test", {}).get("accuracy", float("nan")),
    }


def shares(train: float, validation: float, test: float, seed: int) -> str:
    parts = f"train: {train}, validation: {validation}, test: {test}"
    return f"{{{parts}, stratify: label, seed: {seed}}}"


def few(folder: Path, run: str, seed: int, rate: float, way: str | None) -> dict[str, float]:
    return train(
        folder,
        run,
        "source" if way else None,
        source="few.parquet",
        split=shares(0.025, 0.1, 0.875, seed),
        batch=20,
        more="",
        rate=rate,
        epochs=EPOCHS,
        seed=seed,
        transfer=WAYS[way] if way else "",
    )


def mean(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


def run() -> Iterator[tuple[str, str]]:
    found: dict[tuple[str | None, float], list[dict[str, float]]] = {}
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_data(folder, seed)
            train(
                folder,
                "source",
                source="mnist.parquet",
                split=shares(0.9, 0.1, 0, seed),
                batch=64,
                more="  where: label < 5\n" + AUGMENT,
                rate=3e-3,
                epochs=SOURCE_EPOCHS,
                seed=seed,
                transfer="",
            )
            for number, (way, rate) in enumerate(itertools.product((None, *WAYS), RATES)):
                figures = few(folder, f"run-{number}", seed, rate, way)
                found.setdefault((way, rate), []).append(figures)
    best = {}
    for side, ways in (("from scratch", (None,)), ("fine-tuned", tuple(WAYS))):
        keys = [(way, rate) for way in ways for rate in RATES]
        best[side] = max(keys, key=lambda k: statistics.mean(f["validation"] for f in found[k]))
    tests = {side: [f["test"] for f in found[key]] for side, key in best.items()}
    for side, values in tests.items():
        way, rate = best[side]
        how = f"{side}, {way}" if way else side
        yield f"digits 5 to 9 from 100 samples, {how}, rate {rate:g}: accuracy", mean(values)
    gains = [b - a for a, b in zip(tests["from scratch"], tests["fine-tuned"], strict=True)]
    wins = sum(gain > 0 for gain in gains)
    yield f"the gain, above 0 for {wins} of {len(gains)} seeds", mean(gains)
