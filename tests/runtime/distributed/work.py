"""What ranks do in the tests: module-level functions, so that a rank finds them by name."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import group
import torch
from torch.distributed.fsdp import FSDPModule

from dlc.runtime.distributed.ranks import Followed
from dlc.runtime.failures import Failure, failure
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.world import World

VALUE = '{value: "float[N, 1]"}'
VALUE_COLUMN = '{x: "[abcd]", value: value}'
BOTH = '{label: "int[N]", value: "float[N, 1]"}'
BOTH_COLUMNS = '{x: "[abcd]", label: kind, value: value}'
ONE_OUT = group.LAYERS.replace("linear: 3", "linear: 1")
HEADS = """\
  - linear: 8
  - tanh:
    name: trunk
  - from: trunk
    linear: 3
    output: logits
  - from: trunk
    linear: 1
    output: price"""
NOISY = """\
  - linear: 8
  - batch_norm1d
  - dropout: 0.2
  - linear: 3
    output: logits"""

BLOCKS = """\
  - linear: 8
  - repeat: 3
    layers:
      - Bend: 8
  - linear: 3
    output: logits"""

#: Runs by name: what differs from the plain one.
RUNS: dict[str, dict[str, Any]] = {
    # Labels that do not count are spread unevenly over the ranks.
    "labels": {},
    "weights": {
        "loss": "cross_entropy(logits, label, weight=[1.0, 5.0, 0.2], label_smoothing=0.1)"
    },
    "numbers": {
        "loss": "mse_loss(logits, value)",
        "metrics": "mae(logits, value)",
        "layers": ONE_OUT,
        "targets": VALUE,
        "columns": VALUE_COLUMN,
    },
    # Two losses that divide by different things: outputs are exchanged.
    "heads": {
        "loss": "cross_entropy(logits, label, weight=[1, 3, 1]) + 0.5 * mse_loss(price, value)",
        "metrics": '["accuracy(logits, label)", "mae(price, value)"]',
        "layers": HEADS,
        "targets": BOTH,
        "columns": BOTH_COLUMNS,
    },
    # Weights that are learned, and a result that no loss reads.
    "uncertain": {
        "loss": "uncertainty(cross_entropy(logits, label), mse_loss(price, value))",
        "metrics": '["accuracy(logits, label)", "mae(price, value)"]',
        "layers": HEADS.replace("    name: trunk", "    output: trunk"),
        "targets": BOTH,
        "columns": BOTH_COLUMNS,
    },
    # A head without a loss gets no gradient.
    "unused": {"layers": HEADS, "metrics": "accuracy(logits, label)"},
    "clipped": {"train": ", accumulate: 3, clip_grad_norm: 0.2, clip_grad_value: 0.05"},
    "penalized": {"train": "}\nregularization: {l2: 0.05, max_norm: 1.0"},
    "thawed": {"train": "}\ntransfer: {freeze: [linear], unfreeze_at: 1"},
    # What the run ends with are averages of the weights.
    "ema": {"train": ", average: ema(0.9)"},
    "swa": {"train": ", average: swa(start=0.3)"},
    "top_k": {"train": ", average: top_k(2)"},
    # Parameters are divided over the ranks, block by block.
    "divided": {
        "layers": BLOCKS,
        "train": ", parallel: fsdp, accumulate: 2, clip_grad_norm: 0.5, average: ema(0.9)}\n"
        "regularization: {l2: 0.05, max_norm: 1.0",
    },
    # It searches along a line, by the loss.
    "searching": {
        "sets": (
            "optimizer=lbfgs(max_iter=4, line_search_fn=strong_wolfe)",
            "data.batch_size=all",
        )
    },
    "stopping": {"train": ", epochs: 60, early_stopping: {monitor: val_accuracy, patience: 2}"},
}
#: Saved by as many ranks as the group has, and by one; each is resumed by the other.
NOISY_RUN: dict[str, Any] = {"layers": NOISY}


def plan(name: str, root: Path) -> Any:
    changed = dict(RUNS[name])
    if name == "stopping":
        changed["train"] = changed["train"].replace(", epochs: 60", "")
        return group.plan(root, **changed, sets=("train.epochs=60",))
    return group.plan(root, **changed)


def every_run(world: World, folder: Path) -> dict[str, Any]:
    """Trains all runs; gives the summaries."""
    return {
        name: dict(group.start(folder / name, plan(name, folder.parent), world).summary)
        for name in RUNS
    }


class StopAt(Silent):
    """Sends this process a signal after a validation."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None:
        if record["step"] >= self.step:
            os.kill(os.getpid(), self.number)


def stopped(world: World, folder: Path) -> dict[str, Any]:
    """One rank, not the leader, gets a signal; the run goes on later."""
    noisy = group.plan(folder.parent, **NOISY_RUN)
    whole = group.start(folder / "whole", noisy, world)
    asked = StopAt(9, signal.SIGTERM) if world.rank == world.size - 1 else Silent()
    outcome = group.start(folder / "run", noisy, world, asked)
    cut = (outcome.exit_code, outcome.summary["steps"], outcome.signal)
    again = group.resume(folder / "run", world)
    return {
        "cut": cut,
        "weights": (again.summary["weights"], whole.summary["weights"]),
        "draw": float(torch.rand(())),
    }


#: Runs that are saved by one number of ranks and gone on with by another.
RESIZED = ("labels", "divided")


def half(world: World, folder: Path, name: str) -> str:
    """Saves the first half of a run; says how it ended."""
    asked = StopAt(5, signal.SIGTERM)
    outcome = group.start(folder / name, plan(name, folder), world, asked)
    return str(outcome.summary["ended"])


def both(world: World, folder: Path) -> Any:
    """The first half of each run, and the second half of those that others began."""
    saved = [half(world, folder / "half", name) for name in RESIZED]
    loaded = [group.resume(folder / "rest" / name, world).summary["ended"] for name in RESIZED]
    return saved, loaded


def failures(world: World, folder: Path) -> list[tuple[str, str, int]]:
    """What each rank says where one of them fails."""
    found = []

    def fail_at(rank: int) -> None:
        if world.rank == rank:
            raise failure("E0604", "the file is not here", exit_code=65)

    def note(action: Any) -> None:
        try:
            action()
            found.append(("nothing", "", 0))
        except Followed as followed:
            found.append(("followed", "", followed.exit_code))
        except Failure as problem:
            said = problem.diagnostic
            found.append((said.code.number, said.message, problem.exit_code))

    note(lambda: world.together(lambda: fail_at(0)))
    note(lambda: world.together(lambda: fail_at(1)))
    note(lambda: world.require_same({"the hash": "same"}))
    note(lambda: world.require_same({"the hash": f"of {world.rank}"}))
    note(lambda: world.refuse_small(world.size - 1, statistics=False))
    note(lambda: world.refuse_small(2 * world.size - 1, statistics=True))
    note(lambda: world.refuse_small(2 * world.size, statistics=True))
    return found


def units(world: World, folder: Path) -> list[str]:
    """The modules of a divided network whose parameters are put together apart."""
    divided = plan("divided", folder.parent)
    model = model_class(load_module(divided.source))()
    model = world.placed(model, torch.device("cpu"), divided)
    held = {name: p.to_local().shape[0] for name, p in model.named_parameters()}
    assert all(p.shape[0] > held[name] for name, p in model.named_parameters())
    return [name for name, module in model.named_modules() if isinstance(module, FSDPModule)]


def undividable(world: World, folder: Path) -> list[str]:
    """What is said of optimizers that ranks cannot share."""
    found = []
    for optimizer, parallel in (("newton", "ddp"), ("lbfgs", "fsdp"), ("muon", "fsdp")):
        sets = (f"optimizer={optimizer}", f"train.parallel={parallel}", "data.batch_size=all")
        each = group.plan(folder.parent, sets=sets)
        model = model_class(load_module(each.source))()
        try:
            world.placed(model, torch.device("cpu"), each)
        except Failure as problem:
            found.append(f"{problem.diagnostic.code.number} {optimizer}")
    return found


def witness(world: World, folder: Path) -> list[str]:
    """What a rank that does not lead leaves on the disk."""
    run = RunFolder(path=folder / f"of-{world.rank}", writes=False)
    run.write_json("summary.json", {})
    run.records().append({"step": 1})
    run.checkpoints.prune(1)
    return sorted(path.name for path in folder.glob("of-*"))


def warned(world: World, folder: Path) -> list[list[str]]:
    """The warnings about a network with batch norm, and one without."""
    plans = (group.plan(folder.parent, **NOISY_RUN), plan("labels", folder.parent))
    return [[d.code.number for d in world.warnings(each, "cpu")] for each in plans]


def everything(world: World, folder: Path) -> dict[str, Any]:
    """All of the above in one group: starting one takes longer than most."""
    return {
        "failures": failures(world, folder),
        "runs": every_run(world, folder / "runs"),
        "stopped": stopped(world, folder / "stopped"),
        "sizes": both(world, folder / "sizes"),
        "witness": witness(world, folder),
        "warned": warned(world, folder),
        "undividable": undividable(world, folder),
        "units": units(world, folder),
    }


def told(folder: Path) -> list[dict[str, Any]]:
    """The records of a run."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def summary(folder: Path) -> dict[str, Any]:
    """The summary of a run."""
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found
