"""Networks with weight norm and spectral norm learn, go on where they stood, and are exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.export.exporter import export_network
from dlc.runtime.export.sources import of_run
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.plan import Plan, plan_of
from dlc.runtime.training.progress import Silent

SPEC = """\
dlc: 1
name: Net
inputs:
  x: float[N, 8]
init: {linear: kaiming_normal, bias: zeros}
layers:
  - linear: {out_features: 16, weight_norm: true}
    name: first
  - tanh
  - unflatten: {dim: 1, sizes: [4, 4]}
  - conv1d: {out_channels: 4, kernel_size: 3, padding: 1, spectral_norm: true}
  - gru: {hidden_size: 8, num_layers: 2, NORM: true, return_sequences: false}
  - linear: {out_features: 2, spectral_norm: true}
    output: logits
targets:
  kind: int[N]
data:
  source: data.csv
  columns: {x: "x_*", kind: kind}
  split: {train: 0.7, validation: 0.3, seed: 5}
  batch_size: 32
loss: cross_entropy(logits, kind)
metrics: accuracy(logits, kind)
optimizer: adamw(lr=1e-2, weight_decay=0.01, no_decay=[bias, norm])
regularization: {l2: 1e-4, max_norm: 4.0}
train: {epochs: 8, seed: 11}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(200, 8))
    kind = np.where(x[:, 0] + x[:, 1] > 0.0, "up", "down")
    lines = [",".join(f"{v:.4f}" for v in row) + f",{k}" for row, k in zip(x, kind, strict=True)]
    header = ",".join(f"x_{i}" for i in range(8)) + ",kind"
    (tmp_path / "data.csv").write_text("\n".join([header, *lines]) + "\n")
    return tmp_path


def planned(folder: Path, norm: str) -> Plan:
    result = check(Source("net.yaml", SPEC.replace("NORM", norm)), path=folder / "net.yaml")
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return plan_of(result.compilation, generate(result.compilation))


def start(folder: Path, name: str, plan: Plan) -> session.Outcome:
    return session.start(
        plan,
        folder / name,
        spec=("net.yaml", plan.resolved),
        load=load_module,
        progress=Silent(),
        device="cpu",
    )


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
def test_a_run_learns_goes_on_where_it_stood_and_is_exported(folder: Path, norm: str) -> None:
    plan = planned(folder, norm)
    whole = start(folder, "whole", plan)
    records = (folder / "whole" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(records[-1])["val_accuracy"] > 0.7

    # The same run, whose last checkpoint is lost: its end is done again.
    start(folder, "part", plan)
    shutil.rmtree(sorted((folder / "part" / "checkpoints").iterdir())[-1])
    (folder / "part" / "summary.json").unlink()
    again = session.resume(
        folder / "part", lambda _: plan, load=load_module, progress=Silent(), device="cpu"
    )
    assert again.summary["weights"] == whole.summary["weights"]

    weights = load_weights(folder / "whole", "last")
    assert "first.parametrizations.weight.original0" in weights
    assert "conv1d.parametrizations.weight.0._u" in weights

    exported = export_network(of_run(folder / "whole"), folder / "net.onnx")
    assert exported.parity.ok
    names = {tensor.name for tensor in onnx.load(exported.path).graph.initializer}
    assert {"first.weight", "conv1d.weight", "gru.weight_hh_l1", "logits.weight"} <= names
