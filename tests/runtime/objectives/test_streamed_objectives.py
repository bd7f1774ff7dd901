"""Runs on data that does not fit the memory are those on the same data in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from dlc.runtime.data import blocks, residence  # noqa: E402
from dlc.runtime.data.formats import image_folder  # noqa: E402
from dlc.runtime.inference.evaluator import evaluate, run_subject  # noqa: E402
from tests.runtime.objectives.made import PICTURES, begun, planned  # noqa: E402


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    # Blocks of a few pictures, and some of them in a window.
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 400)
    monkeypatch.setattr(blocks, "_WINDOW_BYTES", 2400)
    monkeypatch.setattr(blocks, "_MOST_BYTES", 4800)


def losses(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@pytest.mark.parametrize("augment", ["", "augment: [gaussian_noise(std=0.1)], "])
def test_pictures_that_are_their_own_targets(
    augment: str, folder: Path, tmp_path: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = PICTURES.replace("batch_size: 16", f"{augment.replace(', ', '')}\n  batch_size: 16")
    held = begun(text, folder, tmp_path / "held").summary
    monkeypatch.setattr(residence, "available_bytes", lambda: 1000)
    from dlc.runtime.training.session import prepare_for

    assert prepare_for(planned(text, folder)).stream is not None
    read = begun(text, folder, tmp_path / "read").summary
    assert losses(tmp_path / "held") == losses(tmp_path / "read")
    assert held["weights"] == read["weights"]
    assert held["test"] == read["test"]
    figures = evaluate(run_subject(tmp_path / "read", "cpu"), part="test").metrics
    assert figures["loss"] == pytest.approx(read["test"]["loss"], rel=1e-6)


_PEAK = """
import sys
import torch
from pathlib import Path
from dlc.compiler.components.sections.data import Data
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data import blocks
from dlc.runtime.data.blocks import shuffled
from dlc.runtime.data.dataset import prepare
from dlc.runtime.training.streamed import samples_of

def peak():
    # Not ru_maxrss, which begins at what the parent had when it forked.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) << 10

blocks._WINDOW_BYTES = 8 << 20
before = peak()
N = symbol("N")
data = prepare(
    Data(source="pictures", memory="stream"),
    inputs={"image": float_tensor(N, 3, 128, 128)}, targets={"label": int_tensor(N)},
    root=Path(sys.argv[1]),
)
samples = samples_of(data, inputs=["image"], targets=["label"], device=torch.device("cpu"))
order = shuffled(data.division.train, data.blocks, 0, 0)
take = samples.in_order(order)
for start in range(0, len(order), 16):
    take(start, min(start + 16, len(order)))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no peak")
def test_memory_does_not_grow_with_a_folder(tmp_path: Path) -> None:
    side, counts = 128, (150, 750)
    contents = []
    for kind in range(2):
        # Noise, so that the files are large, too, and blocks of them small.
        pixels = np.random.default_rng(kind).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "one.png", compress_level=0)
        contents.append((tmp_path / "one.png").read_bytes())
        (tmp_path / "pictures" / "ab"[kind]).mkdir(parents=True)
    peaks = []
    for first, count in zip((0, *counts), counts, strict=False):
        for i in range(first, count):
            place = tmp_path / "pictures" / "ab"[i % 2] / f"{i:04}.png"
            place.write_bytes(contents[i % 2])
        result = subprocess.run(
            [sys.executable, "-c", _PEAK, str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
        peaks.append(int(result.stdout))
    added = (counts[1] - counts[0]) * 3 * side * side * 4
    assert peaks[1] - peaks[0] < added / 3, (peaks, added)
