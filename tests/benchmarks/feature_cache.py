"""Training behind a frozen trunk, its features computed once against in every epoch.

The same run from beginning to end, with what it reads, writes and measures, with
`transfer.cache: true` over `false`: three quarters of a small convolutional network are frozen.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dlc.compiler.cli.main import main
from tests.benchmarks.measure import interleaved

DATA = Path(__file__).resolve().parents[2] / "specs" / "data" / "digits8x8.parquet"
ROUNDS, EPOCHS = 5, 20

SPEC = """\
dlc: 1
name: Digits
inputs:
  image: float[N, 1, 8, 8]
layers:
  - conv2d: {{out_channels: 32, kernel_size: 3, padding: 1}}
    name: first
  - relu
  - conv2d: {{out_channels: 64, kernel_size: 3, padding: 1}}
    name: second
  - relu
  - global_avg_pool
  - linear: 10
    output: logits
targets:
  label: int[N]
data:
  source: digits8x8.parquet
  columns: {{image: image, label: label}}
  batch_size: 64
preprocess:
  image: scale(1/16)
loss: cross_entropy(logits, label)
optimizer: adamw(lr=1e-3)
train: {{epochs: {epochs}}}
transfer: {{freeze: [first, second], cache: {cache}}}
"""


def run() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / DATA.name).write_bytes(DATA.read_bytes())
        numbers = itertools.count()

        def train(cache: str) -> None:
            spec = folder / f"{cache}.yaml"
            spec.write_text(SPEC.format(epochs=EPOCHS, cache=cache))
            words = ["train", str(spec), "--run", str(folder / f"run-{next(numbers)}")]
            quiet = io.StringIO()
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                assert main(words) == 0, quiet.getvalue()

        ratio = interleaved(lambda: train("true"), lambda: train("false"), ROUNDS)
    yield f"{EPOCHS} epochs behind frozen convolutions: features kept / not kept", ratio.text
