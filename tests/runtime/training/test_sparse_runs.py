"""Sparse gradients: the same steps as dense ones, and runs that are stopped and gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import toy
from test_optimizer_runs import whole_and_resumed

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.plan import Plan, plan_of

SPEC = """\
dlc: 1
name: Bags
inputs: {words: 'int[N, 6]'}
layers:
  - embedding: {num_embeddings: 50, embedding_dim: 3, sparse: SPARSE, padding_idx: 0}
    name: table
  - mean: 1
    output: logits
targets: {label: 'int[N]'}
data:
  source: words.parquet
  columns: {words: words, label: label}
  split: {train: 0.8, validation: 0.2}
  batch_size: 32
loss: cross_entropy(logits, label)
optimizer: OPTIMIZER
train: {epochs: 3, seed: 1, accumulate: 2}
"""


def plan(root: Path, optimizer: str, sparse: bool = True, **changes: str) -> Plan:
    draw = np.random.default_rng(0)
    words = draw.integers(0, 40, (200, 6))
    table = {"words": words.tolist(), "label": words.sum(axis=1) % 3}
    pq.write_table(pa.table(table), root / "words.parquet")
    text = SPEC.replace("SPARSE", str(sparse).lower()).replace("OPTIMIZER", optimizer)
    for old, new in changes.items():
        text = text.replace(old, new)
    result = check(Source("bags.yaml", text), root=root)
    assert result.compilation is not None, result.diagnostics
    return plan_of(result.compilation, generate(result.compilation))


def weights(folder: Path) -> torch.Tensor:
    found: dict[str, Any] = load_weights(folder, "last")
    return torch.tensor(found["table.weight"])


@pytest.mark.parametrize("optimizer", ["sgd(lr=2.0)", "adagrad(lr=0.1)"])
def test_a_sparse_step_is_the_dense_one(tmp_path: Path, optimizer: str) -> None:
    for sparse in (False, True):
        toy.start(tmp_path / f"run{sparse}", plan(tmp_path, optimizer, sparse))
    dense, found = weights(tmp_path / "runFalse"), weights(tmp_path / "runTrue")
    torch.testing.assert_close(found, dense, atol=1e-6, rtol=1e-5)
    assert (found[1:40] != started(tmp_path)[1:40]).any(dim=1).all()


def started(root: Path) -> torch.Tensor:
    """The weights before the first step, but for what no float holds."""
    toy.start(root / "start", plan(root, "sgd(lr=1e-30)"))
    return weights(root / "start")


def test_rows_that_are_not_looked_up_stand_still(tmp_path: Path) -> None:
    toy.start(tmp_path / "run", plan(tmp_path, "sparse_adam(lr=0.05)"))
    found, start = weights(tmp_path / "run"), started(tmp_path)
    assert torch.equal(found[40:], start[40:])
    assert torch.equal(found[0], torch.zeros(3))
    assert (found[1:40] != start[1:40]).all()


@pytest.mark.parametrize("optimizer", ["sparse_adam(lr=0.05)", "sgd(lr=2.0)", "adagrad(lr=0.1)"])
def test_a_stopped_run_ends_as_if_it_had_not_been_stopped(
    optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = plan(tmp_path, optimizer, accumulate="clip_grad_norm: 1.0, accumulate")
    whole, resumed = whole_and_resumed(tmp_path, given, monkeypatch, at=4)
    assert resumed["weights"] == whole["weights"]
