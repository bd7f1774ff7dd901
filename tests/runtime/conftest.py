"""A small run: flowers of three kinds by four measures, with a glob, words and statistics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.runtime.every_kind import every as every

SPEC = """\
dlc: 1
name: Flowers

inputs:
  measures: float[N, 4]

layers:
  - linear: 16
  - relu
  - linear: 3
    output: logits

targets:
  kind: int[N]

data:
  source: flowers.csv
  columns: {measures: "m_*", kind: name}
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: kind, seed: 3}
  batch_size: 16
preprocess:
  measures: standardize
postprocess:
  logits: [softmax, labels]
loss: cross_entropy(logits, kind)
metrics: accuracy(logits, kind)
optimizer: adam(lr=0.03)
schedule: constant
train: {epochs: 6}
"""
KINDS = ("iris", "lily", "rose")
COUNT = 120


def flowers(rng: np.random.Generator, count: int) -> pa.Table:
    kind = rng.integers(0, 3, count)
    measures = 1000 + 50 * kind[:, None] + 20 * rng.standard_normal((count, 4))
    columns = {"id": pa.array(range(count)), "name": pa.array([KINDS[k] for k in kind])}
    # Out of order on purpose: the order that training saw is the one that counts.
    for index in (2, 0, 3, 1):
        columns[f"m_{index}"] = pa.array(np.round(measures[:, index], 2))
    return pa.table(columns)


@dataclass(frozen=True)
class Trained:
    run: Path
    model: Path
    data: Path
    table: pa.Table


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A finished run and its exported model."""
    pytest.importorskip("torch")
    from dlc.compiler import Source, check
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.export.exporter import export_network
    from dlc.runtime.export.sources import of_run
    from dlc.runtime.loading import load_module
    from dlc.runtime.training.plan import plan_of
    from dlc.runtime.training.progress import Silent
    from dlc.runtime.training.session import start

    folder = tmp_path_factory.mktemp("flowers")
    table = flowers(np.random.default_rng(0), COUNT)
    csv.write_csv(table, folder / "flowers.csv")
    parquet.write_table(table, folder / "flowers.parquet")
    spec = folder / "flowers.yaml"
    spec.write_text(SPEC)
    result = check(Source(spec.name, SPEC), path=spec)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    run = folder / "runs" / "flowers"
    start(
        plan_of(result.compilation, generate(result.compilation)),
        run,
        spec=(spec.name, SPEC),
        load=load_module,
        progress=Silent(),
        device="cpu",
    )
    export_network(of_run(run), run / "model.onnx")
    return Trained(run=run, model=run / "model.onnx", data=folder / "flowers.csv", table=table)
