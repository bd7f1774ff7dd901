"""A small run for the tests: a network with batch norm and dropout on drawn data.

`work(["start" | "resume", FOLDER, "--epochs", N, ...], LOG)` trains it in a process of its
own, which the tests then kill.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from dlc.compiler.components.averages.base import Average
from dlc.compiler.components.averages.ema import Ema
from dlc.compiler.components.averages.swa import Swa
from dlc.compiler.components.averages.top_k import TopK
from dlc.compiler.components.intervals.epochs import Epochs
from dlc.compiler.components.intervals.steps import Steps
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.metrics.accuracy import Accuracy
from dlc.compiler.components.optimizers.adamw import Adamw
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.sections.checkpoint import Checkpoint
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.early_stopping import EarlyStopping
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sections.train import Train
from dlc.compiler.components.settings import LossTerm, Settings
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data.dataset import Bound
from dlc.runtime.failures import Failure
from dlc.runtime.training import session
from dlc.runtime.training.checkpoint import (
    MANIFEST,
    MODEL,
    OPTIMIZER,
    STATE,
    CheckpointStore,
    _manifest,
)
from dlc.runtime.training.checkpoint import Checkpoint as CheckpointData
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress, Silent
from dlc.runtime.training.run_folder import CHECKPOINTS, RunFolder
from dlc.runtime.training.storage import DISK, Disk
from dlc.runtime.training.tensors import encode

#: `spawn(log, *words)` starts `work` in a child process.
Spawn = Callable[..., BaseProcess]

MODULE = """
import math
import torch
from torch import nn
from torch.nn import functional as F


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 24)
        self.batch_norm1d = nn.BatchNorm1d(24)
        self.dropout = nn.Dropout(0.2)
        self.linear_2 = nn.Linear(24, 3)

    def forward(self, x):
        x = self.dropout(torch.relu(self.batch_norm1d(self.linear(x))))
        return {"logits": self.linear_2(x)}


def loss(outputs, targets):
    return F.cross_entropy(outputs["logits"], targets["label"])


def optimizer(model):
    decayed = [p for n, p in model.named_parameters() if p.dim() > 1]
    others = [p for n, p in model.named_parameters() if p.dim() <= 1]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=5e-3, weight_decay=0.01)


def schedule(optimizer, total_steps, steps_per_epoch):
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(step / total_steps, 1)))
    )
"""


def write_data(folder: Path, rows: int = 407) -> Path:
    """Three noisy clusters with class names, as CSV."""
    path = folder / "toy.csv"
    if not path.exists():
        draw = np.random.default_rng(0)
        label = draw.integers(0, 3, rows)
        x = draw.normal(size=(rows, 4)) + 1.2 * np.eye(3, 4)[label]
        lines = [
            ",".join(f"{v:.5f}" for v in row) + "," + ["ant", "bee", "cow"][k]
            for row, k in zip(x, label, strict=True)
        ]
        path.write_text("a,b,c,d,kind\n" + "\n".join(lines) + "\n")
    return path


def plan(root: Path, *, epochs: int = 4, rows: int = 407, **train: Any) -> Plan:
    write_data(root, rows)
    n = symbol("N")
    settings = Settings(
        data=Data(
            source="toy.csv",
            columns={"x": "[abcd]", "label": "kind"},
            split=Split(train=0.8, validation=0.1, test=0.1, stratify="label"),
            batch_size=32,
        ),
        preprocess={"x": (Standardize(),)},
        loss=(LossTerm(weight=1.0, loss=CrossEntropy(input="logits", target="label")),),
        metrics=(Accuracy(input="logits", target="label"),),
        optimizer=Adamw(lr=5e-3),
        train=replace(
            Train(
                epochs=epochs,
                validate_every=Epochs(n=1),
                checkpoint=Checkpoint(every=Steps(n=7), keep=3),
                early_stopping=EarlyStopping(patience=1000),
                seed=3,
            ),
            **train,
        ),
    )
    return Plan(
        name="Toy",
        source=MODULE,
        settings=settings,
        inputs={"x": float_tensor(n, 4)},
        outputs={"logits": float_tensor(n, 3)},
        targets={"label": int_tensor(n)},
        root=root,
        resolved="dlc: 1\n",
        digest="0" * 64,
        bounds={"label": Bound(high=2, reason="`logits` has 3 classes", ignored=-100)},
        batch_statistics=True,
    )


#: Averages by the word of the command line; each is in force early in a short run.
AVERAGES: dict[str, Average] = {
    "ema": Ema(decay=0.9),
    "swa": Swa(start=0.3),
    "top_k": TopK(count=3),
}

_numbers = itertools.count()


def load(source: str) -> ModuleType:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(f"toy_model_{next(_numbers)}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def start(
    folder: Path, plan: Plan, *, progress: Progress | None = None, disk: Disk = DISK
) -> session.Outcome:
    return session.start(
        plan,
        folder,
        spec=("toy.yaml", "dlc: 1\n"),
        load=load,
        progress=progress or Silent(),
        device="cpu",
        disk=disk,
    )


def resume(
    folder: Path,
    plan: Plan,
    *,
    progress: Progress | None = None,
    disk: Disk = DISK,
    epochs: int | None = None,
) -> session.Outcome:
    def plan_from(run: RunFolder) -> Plan:
        assert run.resolved() == plan.resolved
        return plan

    return session.resume(
        folder,
        plan_from,
        load=load,
        progress=progress or Silent(),
        device="cpu",
        disk=disk,
        epochs=epochs,
    )


class Talkative(Silent):
    """Prints what a parent process waits for, and dawdles."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause

    def validated(self, record: Any, *, best: bool) -> None:
        print(f"step {record['step']}", flush=True)
        time.sleep(self.pause)

    def say(self, text: str) -> None:
        print(text, flush=True)


class InPlaceStore(CheckpointStore):
    """What is usually done, as a control: one folder, written over each time."""

    def save(self, checkpoint: CheckpointData) -> Path:
        path = self.path(1)
        path.mkdir(parents=True, exist_ok=True)
        files = {
            MODEL: b"".join(encode(checkpoint.model)),
            OPTIMIZER: b"".join(encode(checkpoint.optimizer)),
            STATE: json.dumps({"step": 1, "at": checkpoint.step, **checkpoint.state}).encode(),
        }
        digests = {}
        for name, content in files.items():
            (path / name).write_bytes(content)
            digests[name] = hashlib.sha256(content).hexdigest()
            time.sleep(0.005)
        (path / MANIFEST).write_bytes(_manifest(digests)[1])
        return path

    def load(self, step: int) -> CheckpointData:
        found = super().load(step)
        return replace(found, step=found.state["at"])

    def prune(self, keep: int, best: int | None = None) -> None: ...


def work(words: list[str], log: str) -> None:
    """The body of a child process: one command, its output in the file `log`."""
    with open(log, "a", encoding="utf-8") as file, redirect_stdout(file):
        status = main(words)
    sys.exit(status)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("start", "resume"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--in-place", action="store_true")
    parser.add_argument("--average", choices=AVERAGES)
    given = parser.parse_args(words)
    if given.in_place:
        RunFolder.checkpoints = property(  # type: ignore[assignment]
            lambda run: InPlaceStore(run.path / CHECKPOINTS)
        )
    run = start if given.what == "start" else resume
    try:
        outcome = run(
            given.folder,
            plan(given.folder.parent, epochs=given.epochs, average=AVERAGES.get(given.average)),
            progress=Talkative(given.pause),
        )
    except Failure as failure:
        print(f"{failure.diagnostic.code}: {failure.diagnostic.message}", flush=True)
        return failure.exit_code
    return outcome.exit_code


def warm_up() -> None:
    """Imports all that a run needs, so that a forked process starts at once."""
    # More threads than cores are free make a tiny network a hundred times slower.
    torch.set_num_threads(1)
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])


warm_up()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
