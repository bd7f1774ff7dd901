"""`dlc data` on a million rows of 20 columns, against pandas that reads the same file and looks
at it: `describe` of every column, missing values, duplicate rows. Both are whole processes, so
that what they take of memory is told apart. The audit does more: it divides the rows, compares
the parts, looks for outliers and labels that neighbours contradict, and writes a page."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

ROWS, ROUNDS = 1_000_000, 3

SPEC = """\
dlc: 1
inputs: {x: 'float[N, 16]', town: 'int[N]', k: 'int[N]', day: 'float[N, 2]'}
layers:
  - from: town
    embedding: [301, 4]
    name: towns
  - from: k
    embedding: [50, 4]
    name: kinds
  - from: [x, towns, kinds, day]
    concat: 1
  - linear: 2
    output: logits
targets: {label: 'int[N]'}
data:
  source: rows.parquet
  columns: {x: 'f*', town: town, k: k, day: day, label: label}
  split: {train: 0.8, validation: 0.1, test: 0.1}
preprocess: {x: standardize, town: vocabulary(301), day: cyclic(yearday)}
loss: cross_entropy(logits, label)
optimizer: adam(lr=1e-2)
"""
OTHER = """\
import sys, pandas
read = pandas.read_csv if sys.argv[1].endswith("csv") else pandas.read_parquet
frame = read(sys.argv[1])
print(frame.describe(include="all"), frame.isna().sum(), frame.duplicated().sum())
"""


def run() -> Iterator[tuple[str, str]]:
    if find_spec("pandas") is None:
        yield "dlc data over pandas", "not measured: pandas is not installed"
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = _table()
        parquet.write_table(table, folder / "rows.parquet")
        csv.write_csv(table, folder / "rows.csv")
        (folder / "audit.yaml").write_text(SPEC)
        for file in ("rows.parquet", "rows.csv"):
            ours = ["-m", "dlc.compiler.cli.main", "data", "audit.yaml"]
            ours += ["--set", f"data.source={file}"]
            found = [
                (_used(ours, folder), _used(["-c", OTHER, file], folder)) for _ in range(ROUNDS)
            ]
            what = f"dlc data, {ROWS:,} rows x {table.num_columns} columns, {file}, over pandas"
            for index, (of, unit, format) in enumerate(
                (
                    ("wall time", "s", ".1f"),
                    ("processor time", "s", ".1f"),
                    ("memory", "MiB", ".0f"),
                )
            ):
                pairs = [(one[index], other[index]) for one, other in found]
                yield f"{what}: {of}", _ratio(pairs, unit, format)


def _ratio(pairs: Sequence[tuple[float, float]], unit: str, format: str) -> str:
    ratios = sorted(one / other for one, other in pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return (
        f"{statistics.median(ratios):.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}] "
        f"({ours:{format}} over {theirs:{format}} {unit})"
    )


def _used(arguments: list[str], folder: Path) -> tuple[float, float, float]:
    """The seconds of a process by the clock and of its processors, and its MiB at most."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _table() -> Any:
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {
        f"f{i}": draw.normal(size=ROWS).astype(np.float32) for i in range(16)
    }
    columns["k"] = draw.integers(0, 50, ROWS)
    columns["town"] = np.array([f"town {i}" for i in range(300)])[draw.integers(0, 300, ROWS)]
    days = np.arange("2024-01-01", "2025-01-01", dtype="datetime64[D]").astype(str)
    columns["day"] = days[draw.integers(0, len(days), ROWS)]
    columns["label"] = (columns["f0"] + columns["f1"] + draw.normal(size=ROWS) > 0).astype(np.int64)
    return pa.table(columns)
