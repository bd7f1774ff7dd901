"""Training steps a second: ours by default and eager, beside what others run.

    python -m tests.benchmarks training_speed
    python -m tests.benchmarks.training_speed lenet encoder

All ways of a workload take turns, and what is given is the median over rounds of its speed
over that of plain eager training in the same round: all data in one tensor, float32, the
default optimizer. A round in which another process took a core is left out, since two OpenMP
threads are then five to twenty times as slow; where too few are left, that is said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import torch

from dlc.compiler.analysis.memory import memory
from dlc.runtime.training.engine.settling import told
from tests.benchmarks import loops
from tests.benchmarks.loops import EAGER, Ours, Steps
from tests.benchmarks.measure import Quiet, interleaved, process
from tests.benchmarks.workloads import WORKLOADS, Workload

_ROUNDS = 9
_TRIES = 4 * _ROUNDS
# A turn lasts about so long: less is noise, more finds no quiet moment.
_TURN_SECONDS = 0.4
_OTHERS_NAMES = {
    "tuned": "a hand-written loop, well tuned",
    "loader": "the usual hand-written loop",
    "lightning": "Lightning",
    "keras": "Keras 3 on torch",
}


def run(names: list[str] | None = None) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name in names or WORKLOADS:
        rows += _speeds(WORKLOADS[name])
    for name in names or ("resnet", "encoder"):
        if name in ("resnet", "encoder"):
            rows.append(_memory(name))
    if names is None:
        rows.append(_cold_start())
    return rows


def _speeds(workload: Workload) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        folder = Path(path)
        workload.write(folder)
        default = Ours(workload, folder, stack)
        found: dict[str, Steps | None] = {
            "plain": loops.plain(workload, folder),
            "ours": default,
            "eager": Ours(workload, folder, stack, *EAGER),
            "tuned": loops.tuned(workload, folder),
            "loader": loops.with_loader(workload, folder),
            "lightning": loops.lightning(workload, folder),
            "keras": loops.keras(workload, folder),
        }
        ways = {name: steps for name, steps in found.items() if steps is not None}
        quiet = Quiet()
        rates, rejected = _rounds(ways, quiet)
        names = {
            "ours": f"ours by default ({told(default.choices)}; goal {workload.goal})",
            "eager": "ours eager (goal 0.98)",
            **_OTHERS_NAMES,
        }
        noise = f", {rejected} of {rejected + len(rates['plain'])} rounds were not quiet"
        rows = []
        for name in ways:
            if name != "plain":
                ratios = sorted(a / b for a, b in zip(rates[name], rates["plain"], strict=True))
                middle = ratios[len(ratios) // 2]
                text = f"{middle:.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}]"
                rows.append((f"{workload.title}: {names[name]}", text + noise))
        return rows


def _rounds(ways: Mapping[str, Steps], quiet: Quiet) -> tuple[dict[str, list[float]], int]:
    """The rates of each way, round by round; of quiet rounds, where there were three."""
    counts = {name: _count(steps) for name, steps in ways.items()}
    good: list[dict[str, float]] = []
    bad: list[dict[str, float]] = []
    for round in range(_TRIES):
        order = list(ways) if round % 2 == 0 else list(reversed(ways))
        rates = {}
        with quiet:
            for name in order:
                began = time.perf_counter()
                ways[name](counts[name])
                rates[name] = counts[name] / (time.perf_counter() - began)
        (good if quiet.was else bad).append(rates)
        if len(good) == _ROUNDS:
            break
    kept = good if len(good) >= 3 else good + bad
    rejected = len(bad) if kept is good else 0
    return {name: [rates[name] for rates in kept] for name in ways}, rejected


def _count(steps: Steps) -> int:
    """How many steps make a turn; in finding out, kernels are chosen and code is compiled."""
    steps(3)
    count = 1
    while True:
        began = time.perf_counter()
        steps(count)
        seconds = time.perf_counter() - began
        if seconds > _TURN_SECONDS / 4:
            return max(1, round(count * _TURN_SECONDS / seconds))
        count *= 4


# ── cold start ───────────────────────────────────────────────────────────────

_PLAIN_START = """
import numpy, sys, torch
from torch import nn
data = numpy.load(sys.argv[1])
x, label = torch.from_numpy(data["x"]), torch.from_numpy(data["label"])
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
nn.functional.cross_entropy(model(x[:64]), label[:64]).backward()
optimizer.step()
"""


def _cold_start() -> tuple[str, str]:
    """A whole process, from start to the first step done; ours keeps a run folder beside."""
    workload = WORKLOADS["mlp"]
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        workload.write(folder)
        (folder / "bench.yaml").write_text(workload.spec())
        words = ["-m", "dlc.compiler.cli.main", "train", str(folder / "bench.yaml")]
        words += ["--device", "cpu", "--set", "train.steps=1"]
        count = iter(range(10**6))

        def ours() -> None:
            process([*words, "--run", str(folder / f"run{next(count)}")])()

        plain = process(["-c", _PLAIN_START, str(folder / "rows.npz")])
        ratio = interleaved(ours, plain, 7)
    return "cold start to the end of the first step: ours over plain torch", ratio.text


# ── memory ───────────────────────────────────────────────────────────────────


def peak(name: str, batch: int) -> int:
    """The peak of this process after some steps, in bytes; for a process of its own."""
    torch.set_num_threads(1)
    workload = WORKLOADS[name]
    with tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        folder = Path(path)
        workload.write(folder)
        ours = Ours(workload, folder, stack, *EAGER, f"data.batch_size={batch}")
        ours(3)
        # What getrusage tells is the parent's peak, where that was higher.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) << 10


def _memory(name: str) -> tuple[str, str]:
    """What a step takes over one of two samples: libraries take the same in both."""
    workload = WORKLOADS[name]
    large, small = (_peak_of(name, batch) for batch in (workload.batch, 2))
    with tempfile.TemporaryDirectory() as path:
        plan = workload.plan(Path(path))
    assert plan.program is not None
    few, many = (
        memory(plan.program, plan.settings, batch=batch, accelerator=False).training
        for batch in (2, workload.batch)
    )
    expected = many - few
    measured = large - small
    text = f"{measured / expected:.2f} ({measured / 2**20:.0f} over {expected / 2**20:.0f} MiB)"
    return f"{workload.title}: peak memory over that of two samples, over our estimate", text


def _peak_of(name: str, batch: int) -> int:
    code = f"from tests.benchmarks.training_speed import peak; print(peak({name!r}, {batch}))"
    # Small blocks would be kept by glibc, in pieces that nothing else fits into.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    return int(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    for what, ratio in run(sys.argv[1:] or None):
        print(f"| {what} | {ratio} |", flush=True)
