"""A run on data that is read in blocks is the run on the same data in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import toy

from dlc.compiler.components.augmentations.gaussian_noise import GaussianNoise
from dlc.compiler.components.augmentations.horizontal_flip import HorizontalFlip
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.augmentation.augmenter import Augmenter
from dlc.runtime.data import blocks
from dlc.runtime.data.dataset import prepare
from dlc.runtime.failures import Failure
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.session import prepare_for
from dlc.runtime.training.streamed import StreamedSamples, samples_of

N = symbol("N")
ROWS = 407


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    # About 100 samples of 24 bytes: an epoch has several windows.
    monkeypatch.setattr(blocks, "_WINDOW_BYTES", 2400)
    monkeypatch.setattr(blocks, "_MOST_BYTES", 4800)


def plan(root: Path, memory: Any, epochs: int = 4, **changes: Any) -> Plan:
    found = toy.plan(root, epochs=epochs)
    path = root / "toy.parquet"
    if not path.exists():
        draw = np.random.default_rng(0)
        label = np.sort(draw.integers(0, 3, ROWS))
        x = draw.normal(size=(ROWS, 4)) + 1.2 * np.eye(3, 4)[label]
        columns: dict[str, Any] = {name: x[:, i] for i, name in enumerate("abcd")}
        columns["kind"] = np.array(["ant", "bee", "cow"])[label]
        pq.write_table(pa.table(columns), path, row_group_size=23)
    data: dict[str, Any] = {
        "source": "toy.parquet",
        "columns": {"x": "[abcd]", "label": "kind"},
        "split": Split(train=0.8, validation=0.1, test=0.1, stratify="label"),
        "batch_size": 32,
        "memory": memory,
    }
    data |= changes
    return replace(found, settings=replace(found.settings, data=Data(**data)))


def losses(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@pytest.mark.parametrize(
    "changes",
    [{}, {"shuffle": False}, {"balance": "label"}, {"batch_size": "all"}, {"where": "a < 1"}],
    ids=["shuffled", "in-order", "balanced", "one-batch", "filtered"],
)
def test_a_streamed_run_is_the_run_in_memory(tmp_path: Path, changes: Any) -> None:
    runs = {}
    for memory in ("resident", "stream"):
        outcome = toy.start(tmp_path / memory, plan(tmp_path, memory, **changes))
        runs[memory] = outcome.summary
    assert losses(tmp_path / "resident") == losses(tmp_path / "stream")
    assert runs["resident"]["weights"] == runs["stream"]["weights"]
    assert runs["resident"]["test"] == runs["stream"]["test"]


def test_the_order_is_not_that_of_rows_without_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.start(tmp_path / "blocks", plan(tmp_path, "resident"))
    monkeypatch.setattr(blocks, "_WINDOW_BYTES", 1 << 20)
    toy.start(tmp_path / "whole", plan(tmp_path, "resident"))
    assert losses(tmp_path / "blocks") != losses(tmp_path / "whole")


class Stopping(Silent):
    """Ends a run within an epoch."""

    def advance(self, *, step: int, **figures: Any) -> None:
        if step >= 15:
            raise KeyboardInterrupt


def test_a_streamed_run_goes_on_within_an_epoch(tmp_path: Path) -> None:
    toy.start(tmp_path / "whole", plan(tmp_path, "stream"))
    with pytest.raises(KeyboardInterrupt):
        toy.start(tmp_path / "cut", plan(tmp_path, "stream"), progress=Stopping())
    resumed = toy.resume(tmp_path / "cut", plan(tmp_path, "stream"))
    assert resumed.summary["steps"] == 44
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    held = toy.start(tmp_path / "held", plan(tmp_path, "resident"))
    assert resumed.summary["weights"] == held.summary["weights"]


def test_augmentation_sees_the_same_samples(tmp_path: Path) -> None:
    given = plan(tmp_path, "stream").data
    inputs, targets = {"x": float_tensor(N, 1, 2, 2)}, {"label": int_tensor(N)}
    found = {}
    for memory in ("resident", "stream"):
        steps = (HorizontalFlip(), GaussianNoise(std=0.1))
        data = prepare(
            replace(given, memory=memory, augment=steps),
            inputs=inputs,
            targets=targets,
            root=tmp_path,
            preprocess={"x": (Standardize(),)},
            training=True,
        )
        samples = samples_of(
            data, inputs=["x"], targets=["label"], device=torch.device("cpu"), unfinished=True
        )
        augmenter = Augmenter(
            steps,
            samples,
            inputs=inputs,
            targets=targets,
            outputs={},
            losses=[],
            unfinished=data.unfinished,
            seed=1,
        )
        order = blocks.shuffled(data.division.train, data.blocks, 1, 0)
        take = augmenter.in_order(order, 0)
        found[memory] = torch.cat([take(i, i + 20)[0]["x"] for i in range(0, 320, 20)])
    assert torch.equal(found["resident"], found["stream"])


def streamed(root: Path) -> StreamedSamples:
    data = prepare_for(plan(root, "stream"))
    found = samples_of(data, inputs=["x"], targets=["label"], device=torch.device("cpu"))
    assert isinstance(found, StreamedSamples)
    return found


def test_no_block_is_read_twice_in_an_epoch(tmp_path: Path) -> None:
    samples = streamed(tmp_path)
    reads: list[int] = []
    load = samples.load
    samples.load = lambda block: (reads.append(block), load(block))[1]  # type: ignore[assignment]
    order = blocks.shuffled(samples.stream.division.train, samples.stream.blocks, 1, 0)
    take = samples.in_order(order)
    for start in range(0, len(order), 10):
        take(start, min(start + 10, len(order)))
    assert sorted(reads) == list(range(18))


def test_the_next_epoch_is_begun_before_it_is_asked_for(tmp_path: Path) -> None:
    samples = streamed(tmp_path)
    reads: list[int] = []
    load = samples.load
    samples.load = lambda block: (reads.append(block), load(block))[1]  # type: ignore[assignment]
    train, held = samples.stream.division.train, samples.stream.division.validation
    orders = [blocks.shuffled(train, samples.stream.blocks, 1, epoch) for epoch in range(2)]
    samples.following = lambda epoch: orders[epoch] if epoch < 2 else None
    seen = []
    for epoch, order in enumerate(orders):
        take = samples.in_order(order, epoch)
        for start in range(0, len(order), 50):
            take(start, min(start + 50, len(order)))
        samples.reader.submit(int).result()
        seen.append(len(reads))
        samples.in_order(held)(0, len(held))
    validated = len(set(samples.stream.blocks.of(held).tolist()))
    assert 18 < seen[0] < 36
    assert seen[1] == 36 + validated
    assert len(reads) == 36 + 2 * validated


def test_batches_may_be_taken_in_any_order_and_again(tmp_path: Path) -> None:
    samples = streamed(tmp_path)
    order = np.arange(ROWS)[::-1].copy()
    take = samples.in_order(order)
    whole = samples.stream.take(order)
    for start, stop in [(380, 407), (0, 5), (0, 407), (100, 260), (100, 260), (90, 100)]:
        inputs, targets = take(start, stop)
        np.testing.assert_array_equal(inputs["x"].numpy(), whole["x"][start:stop])
        np.testing.assert_array_equal(targets["label"].numpy(), whole["label"][start:stop])


def test_a_file_that_breaks_while_it_is_read_ends_the_run_with_its_name(tmp_path: Path) -> None:
    samples = streamed(tmp_path)
    (tmp_path / "toy.parquet").write_bytes(b"PAR1")
    take = samples.in_order(np.arange(ROWS))
    with pytest.raises(Failure) as caught:
        take(0, ROWS)
    assert "toy.parquet" in caught.value.diagnostic.message


_PEAK = """
import sys
import numpy as np, torch
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
    Data(source="large.parquet", memory=sys.argv[2]),
    inputs={"x": float_tensor(N, 256)}, targets={"y": float_tensor(N)}, root=Path(sys.argv[1]),
)
samples = samples_of(data, inputs=["x"], targets=["y"], device=torch.device("cpu"))
order = shuffled(data.division.train, data.blocks, 0, 0)
take = samples.in_order(order)
total = 0.0
for start in range(0, len(order), 64):
    inputs, targets = take(start, min(start + 64, len(order)))
    total += float(inputs["x"][:, 0].sum()) + float(targets["y"].sum())
print(peak() - before, round(total, 3))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no peak")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    rows, width = 200_000, 256
    schema = pa.schema([("x", pa.list_(pa.float32(), width)), ("y", pa.float32())])
    draw = np.random.default_rng(0)
    with pq.ParquetWriter(tmp_path / "large.parquet", schema, compression="none") as writer:
        for _ in range(0, rows, 2000):
            x = pa.FixedSizeListArray.from_arrays(
                pa.array(draw.random(2000 * width, np.float32)), width
            )
            y = pa.array(draw.random(2000, np.float32))
            writer.write_table(pa.table([x, y], schema=schema), row_group_size=2000)
    found = {}
    for memory in ("stream", "resident"):
        result = subprocess.run(
            [sys.executable, "-c", _PEAK, str(tmp_path), memory],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
        peak, total = result.stdout.split()
        found[memory] = (int(peak), total)
    size = rows * width * 4
    assert found["stream"][1] == found["resident"][1]
    assert found["resident"][0] > size
    assert found["stream"][0] < size
