"""Ranks for the tests: processes forked from one that has torch imported, over gloo.

`Group(size).run(work, folder)` calls `work(world, folder)` on every rank and gives what each
gave. A rank that fails, or does not end in time, fails the test, and none outlives it.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.distributed.ranks import Ranks
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.plan import Plan, compile_resolved, plan_of
from dlc.runtime.training.progress import Progress, Silent
from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.world import ALONE, World

HERE = Path(__file__).parent
Work = Callable[[World, Path], Any]

# Hang guards: a collective, and a whole group.
COLLECTIVE_SECONDS = 60.0
GROUP_SECONDS = 240.0

SPEC = """\
dlc: 1
name: Small
inputs: {{x: "float[N, 4]"}}
blocks:
  Bend:
    params: {{width: int}}
    layers:
      - linear: width
      - tanh
      - linear: width
layers:
{layers}
targets: {targets}
data:
  source: rows.csv
  columns: {columns}
  split: {{train: 0.8, validation: 0.1, test: 0.1}}
  batch_size: 16
loss: {loss}
metrics: {metrics}
optimizer: {{adamw: {{lr: 1e-2}}}}
schedule: cosine
train: {{epochs: 3, seed: 3, checkpoint: {{every: steps(5), keep: 99}}{train}}}
"""

LAYERS = """\
  - linear: 8
  - tanh
  - linear: 3
    output: logits"""


def write_rows(folder: Path) -> None:
    """Numbers, a class that is -100 where it is not known, and a value, as CSV. 131 of the
    164 rows are trained on: the last batch has three."""
    path = folder / "rows.csv"
    if path.exists():
        return
    draw = np.random.default_rng(1)
    label = draw.integers(0, 3, 164)
    x = draw.normal(size=(164, 4)) + 1.5 * np.eye(3, 4)[label]
    label = np.where(draw.random(164) < 0.25, -100, label)
    lines = ["a,b,c,d,kind,value"]
    lines += [
        ",".join(f"{v:.5f}" for v in row) + f",{k},{row.sum():.5f}"
        for row, k in zip(x, label, strict=True)
    ]
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text("\n".join(lines) + "\n")
    partial.replace(path)


def plan(
    folder: Path,
    *,
    loss: str = "cross_entropy(logits, label)",
    metrics: str = "accuracy(logits, label)",
    layers: str = LAYERS,
    targets: str = '{label: "int[N]"}',
    columns: str = '{x: "[abcd]", label: kind}',
    train: str = "",
    sets: tuple[str, ...] = (),
) -> Plan:
    write_rows(folder)
    text = SPEC.format(
        loss=loss, metrics=metrics, layers=layers, targets=targets, columns=columns, train=train
    )
    source = Source("small.yaml", text, "yaml")
    result = check(source, path=folder / "small.yaml", root=folder, sets=sets)
    assert result.compilation is not None, result.diagnostics
    return plan_of(result.compilation, generate(result.compilation))


def start(
    folder: Path, plan: Plan, world: World = ALONE, progress: Progress | None = None
) -> session.Outcome:
    return session.start(
        plan,
        folder,
        spec=("small.yaml", "dlc: 1\n"),
        load=load_module,
        progress=progress or Silent(),
        device="cpu",
        world=world,
    )


def resume(folder: Path, world: World = ALONE) -> session.Outcome:
    def plan_from(run: RunFolder) -> Plan:
        compilation = compile_resolved(run)
        return plan_of(compilation, generate(compilation))

    return session.resume(
        folder, plan_from, load=load_module, progress=Silent(), device="cpu", world=world
    )


class Group:
    """So many ranks, started anew for each `run`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.context = multiprocessing.get_context("forkserver")
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, sys.path)])
        self.context.set_forkserver_preload(["group"])
        from multiprocessing import forkserver

        forkserver.ensure_running()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before

    def run(self, work: Work, folder: Path) -> list[Any]:
        """What the work gave, by rank."""
        with socket.socket() as found:
            found.bind(("localhost", 0))
            port = found.getsockname()[1]
        pipes, processes = [], []
        for rank in range(self.size):
            here, there = self.context.Pipe(duplex=False)
            process = self.context.Process(
                target=_rank, args=(rank, self.size, port, work, folder, there), daemon=True
            )
            process.start()
            there.close()
            pipes.append(here)
            processes.append(process)
        end = time.monotonic() + GROUP_SECONDS
        try:
            answers = [_answer(pipe, end) for pipe in pipes]
        finally:
            for process in processes:
                process.join(10)
                if process.is_alive():
                    process.kill()
                    process.join()
        problems = [value for said, value in answers if said != "done"]
        assert not problems, "\n".join(problems)
        return [value for _, value in answers]


def _answer(pipe: Connection, end: float) -> tuple[str, Any]:
    if not pipe.poll(max(end - time.monotonic(), 0)):
        return "hung", "a rank does not end"
    try:
        answer: tuple[str, Any] = pipe.recv()
    except EOFError:
        return "died", "a rank died"
    return answer


def _rank(rank: int, size: int, port: int, work: Work, folder: Path, pipe: Connection) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    try:
        world = Ranks.open(torch.device("cpu"), COLLECTIVE_SECONDS)
        value = work(world, folder)
        world.close()
        pipe.send(("done", value))
    except BaseException:
        pipe.send(("failed", f"rank {rank}:\n{traceback.format_exc()}"))
        os._exit(1)


torch.set_num_threads(1)
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
