"""Plans for the tests whose module is generated from a spec, on the drawn data of `toy`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import toy

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.training.plan import Plan, plan_of

SPEC = """dlc: 1
name: Toy
inputs:
  x: float[N, 4]
layers:
  - linear: 12
    name: first
  - batch_norm1d
  - relu
  - dropout: 0.2
  - linear: 12
    name: second
  - relu
  - linear: 3
    output: logits
targets:
  label: int[N]
data:
  source: toy.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: 32
preprocess:
  x: standardize
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
train: {epochs: 4, seed: 3, checkpoint: {every: steps(7), keep: 9}}
"""

#: A linear model on the full batch.
LINEAR = """dlc: 1
name: Toy
inputs:
  x: float[N, 4]
layers:
  - linear: 3
    output: logits
targets:
  label: int[N]
data:
  source: toy.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: all
preprocess:
  x: standardize
loss: cross_entropy(logits, label)
train: {steps: 12, seed: 3, checkpoint: {every: steps(1), keep: 99}}
"""


def plan(root: Path, sections: str = "", spec: str = SPEC, sets: tuple[str, ...] = ()) -> Plan:
    """The plan of a spec with further sections."""
    toy.write_data(root)
    found = check(Source("toy.yaml", spec + sections), root=root, sets=sets)
    assert found.compilation is not None, found.diagnostics
    made = plan_of(found.compilation, generate(found.compilation))
    return replace(made, root=root)
