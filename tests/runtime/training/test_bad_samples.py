"""Bad samples while a run trains: left out and counted, and no checkpoint pays for them."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy
from PIL import Image
from test_engine_steps import Stopper

import specs
from dlc.runtime.data import blocks
from dlc.runtime.data.formats import image_folder
from dlc.runtime.failures import Failure
from dlc.runtime.training import assembly
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.samples import Samples

_REST = """  split: {{train: 0.8, validation: 0.1, test: 0.1}}
  batch_size: 16
  on_bad_sample: {policy}
  memory: {memory}
loss: cross_entropy(logits, label)
optimizer: adamw(lr=5e-3)
train: {{epochs: 3, seed: 3, average: ema(decay=0.9), checkpoint: {{every: steps(4), keep: 99}}}}
"""

ROWS = """dlc: 1
name: Rows
inputs: {x: "float[N, 4]"}
layers:
  - linear: 12
  - batch_norm1d
  - relu
  - dropout: 0.2
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: rows.parquet
  columns: {x: "[abcd]", label: kind}
"""

PICTURES = """dlc: 1
name: Pictures
inputs: {image: "float[N, 3, 6, 6]"}
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: pictures
  columns: {image: image, label: label}
"""


def write_rows(root: Path) -> None:
    """160 rows, of which 12 have a cell that is NaN or a class that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(0)
    label = draw.integers(0, 3, 160)
    x = draw.normal(size=(160, 4)) + 1.2 * np.eye(3, 4)[label]
    x[5:160:16, 1] = np.nan
    x[17, 3] = np.inf
    x[33, 0] = -np.inf
    columns: dict[str, Any] = {name: x[:, i] for i, name in enumerate("abcd")}
    columns["kind"] = np.array(["ant", "bee", "cow"])[label]
    pq.write_table(pa.table(columns), root / "rows.parquet", row_group_size=20)


def write_pictures(root: Path) -> None:
    """90 pictures, of which one is torn, one is no picture and one has another size."""
    draw = np.random.default_rng(0)
    for k, kind in enumerate("abc"):
        folder = root / "pictures" / kind
        folder.mkdir(parents=True)
        for number in range(30):
            pixels = draw.integers(0, 90, (6, 6, 3)) + 60 * k
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02}.png")
    torn = root / "pictures" / "a" / "07.png"
    torn.write_bytes(torn.read_bytes()[:-40])
    (root / "pictures" / "b" / "11.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(root / "pictures" / "c" / "20.png")


@dataclass(frozen=True)
class Case:
    spec: str
    write: Callable[[Path], None]
    rows: int
    bad: int


CASES = {
    "cells": Case(ROWS, write_rows, 160, 12),
    "pictures": Case(PICTURES, write_pictures, 90, 3),
}
each_case = pytest.mark.parametrize("memory", ["resident", "stream"])
each_kind = pytest.mark.parametrize("kind", CASES)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch of a stream has several windows."""
    monkeypatch.setattr(blocks, "_WINDOW_BYTES", 1600)
    monkeypatch.setattr(blocks, "_MOST_BYTES", 3200)
    monkeypatch.setattr(image_folder, "_BLOCK_BYTES", 1000)


def _plan(root: Path, kind: str, memory: str, policy: str = "skip") -> Plan:
    case = CASES[kind]
    if not (root / "rows.parquet").exists() and not (root / "pictures").exists():
        case.write(root)
    return specs.plan(root, _REST.format(policy=policy, memory=memory), case.spec)


def _metrics(run: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def _saved(run: Path) -> dict[str, str]:
    """The bytes of all checkpoints, each of which must be whole."""
    store = CheckpointStore(run / "checkpoints")
    for step in store.steps():
        store.load(step)
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((run / "checkpoints").rglob("*"))
        if path.is_file()
    }


@each_case
@each_kind
def test_bad_samples_are_left_out_and_counted_and_resume_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, memory: str
) -> None:
    plan, case = _plan(tmp_path, kind, memory), CASES[kind]
    whole = toy.start(tmp_path / "whole", plan).summary
    data = json.loads((tmp_path / "whole" / "run.json").read_text())["data"]
    assert data["skipped"]["count"] == case.bad
    assert data["rows"] == case.rows - case.bad
    assert sum(whole["samples"].values()) == case.rows - case.bad
    assert all(np.isfinite(record["val_loss"]) for record in _metrics(tmp_path / "whole"))
    hooks = assembly.hooks_of
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "hooks_of", lambda plan: (*hooks(plan), Stopper(6)))
        assert toy.start(run, plan).signal == signal.SIGTERM.name
    kept = _saved(run)
    found = toy.resume(run, plan).summary
    assert found["weights"] == whole["weights"]
    assert _metrics(run) == _metrics(tmp_path / "whole")
    assert json.loads((run / "run.json").read_text())["data"]["skipped"]["count"] == case.bad
    assert kept.items() <= _saved(run).items()


@each_case
@each_kind
def test_bad_samples_begin_no_run_where_the_spec_does_not_skip_them(
    tmp_path: Path, kind: str, memory: str
) -> None:
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", _plan(tmp_path, kind, memory, "fail"))
    assert caught.value.exit_code == 65
    assert not (tmp_path / "run").exists()


@each_kind
def test_data_that_goes_bad_under_a_run_costs_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    plan = _plan(tmp_path, kind, "stream")
    whole = toy.start(tmp_path / "whole", plan).summary
    broken = tmp_path / ("rows.parquet" if kind == "cells" else "pictures/a/03.png")
    good = broken.read_bytes()

    class Breaking(toy.Silent):
        def validated(self, record: Any, *, best: bool) -> None:
            broken.write_bytes(good[:60])

    run = tmp_path / "run"
    with pytest.raises(Failure) as caught:
        toy.start(run, plan, progress=Breaking())
    assert caught.value.exit_code == 65
    assert broken.name in caught.value.diagnostic.message
    kept = _saved(run)
    assert kept
    # What it was begun with is not there: nothing is trained on, nothing is written.
    with pytest.raises(Failure) as caught:
        toy.resume(run, plan)
    assert _saved(run) == kept
    broken.write_bytes(good)
    assert toy.resume(run, plan).summary["weights"] == whole["weights"]
    assert _metrics(run) == _metrics(tmp_path / "whole")
    assert kept.items() <= _saved(run).items()


def test_no_bad_sample_is_ever_in_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    in_order = Samples.in_order

    def watched(self: Samples, *given: Any) -> Any:
        take = in_order(self, *given)

        def taking(start: int, stop: int) -> Any:
            inputs, targets = take(start, stop)
            seen.append(bool(inputs["x"].isfinite().all()))
            return inputs, targets

        return taking

    monkeypatch.setattr(Samples, "in_order", watched)
    toy.start(tmp_path / "run", _plan(tmp_path, "cells", "resident"))
    assert len(seen) > 20
    assert all(seen)
