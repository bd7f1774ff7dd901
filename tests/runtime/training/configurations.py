"""Four runs that differ in all that a resumed run must take up again, to be killed.

`work(name, folder, log, rank, port)` starts the run of that name in a process, or goes on with it.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import toy

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.data import blocks
from dlc.runtime.distributed.ranks import Followed, Ranks
from dlc.runtime.failures import Failure
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.plan import Plan, plan_of
from dlc.runtime.training.world import ALONE, World

COLLECTIVE_SECONDS = 60.0

#: Images of 12 by 12, moved about as they are trained on, several batches a step, an average.
LENET = """dlc: 1
name: Lenet
inputs: {x: "float[N, 1, 12, 12]"}
layers:
  - conv2d: {out_channels: 4, kernel_size: 5, padding: 2}
  - relu
  - max_pool2d: 2
  - conv2d: {out_channels: 8, kernel_size: 3}
  - relu
  - max_pool2d: 2
  - flatten
  - linear: 16
  - relu
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: images.npz
  augment: ["random_crop(12, padding=2)", gaussian_noise(std=0.1)]
  split: {train: 0.8, validation: 0.1, test: 0.1}
  batch_size: 16
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: sgd(lr=0.02, momentum=0.9)
schedule: cosine
train:
  epochs: EPOCHS
  seed: 3
  accumulate: 2
  average: ema(decay=0.95)
  checkpoint: {every: steps(3), keep: 3}
"""

#: bf16, dropout at a rate that changes, batch norm, clipped gradients.
MLP = """dlc: 1
name: Mlp
inputs: {x: "float[N, 4]"}
layers:
  - linear: 24
  - batch_norm1d
  - relu
  - dropout: 0.4
  - linear: 24
  - relu
  - dropout: 0.2
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: toy.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: 32
preprocess: {x: standardize}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adamw(lr=5e-3)
schedule: cosine
train:
  epochs: EPOCHS
  seed: 4
  precision: bf16
  dropout: {start: 0.5, end: 0.1}
  clip_grad_norm: 1.0
  early_stopping: {patience: 1000}
  checkpoint: {every: steps(7), keep: 3}
"""

#: Read in blocks while it is trained on, an average from a third of the run on.
STREAMED = """dlc: 1
name: Streamed
inputs: {x: "float[N, 4]"}
layers:
  - linear: 24
  - batch_norm1d
  - relu
  - dropout: 0.2
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: toy.parquet
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: 32
  memory: stream
preprocess: {x: standardize}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adamw(lr=5e-3)
schedule: {one_cycle: {max_lr: 1e-2}}
train:
  epochs: EPOCHS
  seed: 5
  average: swa(start=0.3)
  checkpoint: {every: steps(4), keep: 3}
"""

#: Two processes, and an ensemble of the weights at the low points of the learning rate.
RANKS = """dlc: 1
name: Ranks
inputs: {x: "float[N, 4]"}
layers:
  - linear: 24
  - tanh
  - dropout: 0.2
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: toy.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: 32
preprocess: {x: standardize}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adamw(lr=5e-3)
schedule: cosine_restarts(cycle=10)
train:
  epochs: EPOCHS
  seed: 6
  average: snapshots(3)
  checkpoint: {every: steps(7), keep: 3}
"""


@dataclass(frozen=True)
class Configuration:
    spec: str
    epochs: int
    ranks: int = 1


CONFIGURATIONS = {
    "lenet": Configuration(LENET, 60),
    "mlp": Configuration(MLP, 60),
    "streamed": Configuration(STREAMED, 60),
    "ranks": Configuration(RANKS, 60, ranks=2),
}


def write_data(root: Path) -> None:
    """The files that the runs read; before any process starts."""
    table = toy.write_data(root).read_text().splitlines()[1:]
    rows = [line.split(",") for line in table]
    columns: dict[str, Any] = {
        name: np.array([float(row[place]) for row in rows]) for place, name in enumerate("abcd")
    }
    columns["kind"] = [row[4] for row in rows]
    pq.write_table(pa.table(columns), root / "toy.parquet", row_group_size=23)
    draw = np.random.default_rng(1)
    label = draw.integers(0, 3, 240)
    x = draw.normal(size=(240, 1, 12, 12)) * 0.5
    for one, kind in zip(x, label, strict=True):
        one[0, 2 + 3 * kind : 5 + 3 * kind, 3:9] += 1.0
    np.savez(root / "images.npz", x=x.astype(np.float32), label=label)


def plan(name: str, root: Path) -> Plan:
    made = CONFIGURATIONS[name]
    text = made.spec.replace("EPOCHS", str(made.epochs))
    found = check(Source(f"{name}.yaml", text), path=root / f"{name}.yaml", root=root)
    assert found.compilation is not None, found.diagnostics
    return plan_of(found.compilation, generate(found.compilation))


def work(name: str, folder: str, log: str, rank: int = 0, port: int = 0) -> None:
    """The body of a process: begins the run, or goes on with it where it has begun."""
    with open(log, "a", encoding="utf-8") as file, redirect_stdout(file):
        status = _train(name, Path(folder), rank, port)
    sys.exit(status)


def _train(name: str, folder: Path, rank: int, port: int) -> int:
    # An epoch has several windows.
    blocks._WINDOW_BYTES, blocks._MOST_BYTES = 2400, 4800
    made = plan(name, folder.parent)
    progress = toy.Talkative()
    try:
        world = _world(CONFIGURATIONS[name].ranks, rank, port)
        # Asked by one: between the looks of two the other may begin it.
        if world.told((folder / "run.json").exists()):
            outcome = session.resume(
                folder,
                lambda run: made,
                load=load_module,
                progress=progress,
                device="cpu",
                world=world,
            )
        else:
            outcome = session.start(
                made,
                folder,
                spec=(f"{name}.yaml", "dlc: 1\n"),
                load=load_module,
                progress=progress,
                device="cpu",
                world=world,
            )
        if isinstance(world, Ranks):
            world.close()
    except Followed as followed:
        return followed.exit_code
    except Failure as problem:
        print(f"{problem.diagnostic.code}: {problem.diagnostic.message}", flush=True)
        return problem.exit_code
    return outcome.exit_code


def _world(size: int, rank: int, port: int) -> World:
    if size == 1:
        return ALONE
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
    }
    return Ranks.open(torch.device("cpu"), COLLECTIVE_SECONDS)
