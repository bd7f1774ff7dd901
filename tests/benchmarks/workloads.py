"""Five networks to train: what `training_speed` measures, each with drawn data of its shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.training.plan import Plan, plan_of

_REST = """
targets:
  label: int[N]
data:
  source: rows.npz
  columns: {{x: x, label: label}}
  batch_size: {batch}
loss: cross_entropy(logits, label)
optimizer: adam(lr=1e-4)
train: {{steps: 5000000, validate_every: steps(5000000), checkpoint: {{every: steps(5000000)}}}}
"""

_MLP = """
  - linear: 128
  - relu
"""

_LENET = """
  - conv2d: {out_channels: 6, kernel_size: 5, padding: 2}
  - relu
  - max_pool2d: 2
  - conv2d: {out_channels: 16, kernel_size: 5}
  - relu
  - max_pool2d: 2
  - flatten
  - linear: 120
  - relu
  - linear: 84
  - relu
"""

_RESNET_BLOCKS = """blocks:
  Unit:
    params: {width: int, stride: int}
    inputs:
      x: float[N, C, H, W]
    layers:
      - residual:
          - conv2d: {out_channels: width, kernel_size: 3, stride: stride, padding: 1, bias: false}
          - batch_norm2d
          - relu
          - conv2d: {out_channels: width, kernel_size: 3, padding: 1, bias: false}
          - batch_norm2d
        shortcut:
          - if: stride != 1 or C != width
            then:
              - conv2d: {out_channels: width, kernel_size: 1, stride: stride, bias: false}
              - batch_norm2d
      - relu
"""

_RESNET = """
  - conv2d: {out_channels: 64, kernel_size: 3, padding: 1, bias: false}
  - batch_norm2d
  - relu
  - repeat: [64, 64, 128, 128, 256, 256, 512, 512]
    as: [i, width]
    layers:
      - Unit:
          width: width
          stride: 2 if i > 0 and i % 2 == 0 else 1
  - global_avg_pool
"""

_LSTM = """
  - lstm: {hidden_size: 256, num_layers: 2, return_sequences: false}
"""

_ENCODER_BLOCKS = """blocks:
  Layer:
    params: {dim: int}
    inputs:
      x: float[N, T, dim]
    layers:
      - residual:
          - layer_norm
          - multihead_attention: {num_heads: 4}
      - residual:
          - layer_norm
          - linear: 4 * dim
          - gelu
          - linear: dim
"""

_ENCODER = """
  - repeat: 4
    layers:
      - Layer: 256
  - mean: 1
"""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A network by its layers, and the shape of a sample; `goal` is what the defaults are to
    reach, over plain eager training."""

    title: str
    layers: str
    sample: tuple[int, ...]
    batch: int
    rows: int
    goal: float
    blocks: str = ""

    def write(self, folder: Path) -> None:
        """Draws the data into a folder."""
        draw = np.random.default_rng(0)
        x = draw.normal(size=(self.rows, *self.sample)).astype(np.float32)
        np.savez(folder / "rows.npz", x=x, label=draw.integers(0, 10, self.rows))

    def spec(self, batch: int | None = None) -> str:
        shape = ", ".join(map(str, self.sample))
        return (
            f"dlc: 1\nname: Bench\n{self.blocks}inputs:\n  x: float[N, {shape}]\n"
            f"layers:{self.layers}  - linear: 10\n    output: logits\n"
            + _REST.format(batch=batch or self.batch)
        )

    def plan(self, folder: Path, *sets: str, batch: int | None = None) -> Plan:
        """The plan, with `--set` arguments."""
        path = folder / "bench.yaml"
        source = Source(path.name, self.spec(batch), "yaml")
        found = check(source, path=path, root=folder, sets=sets)
        assert found.compilation is not None, [d.message for d in found.diagnostics]
        return plan_of(found.compilation, generate(found.compilation))


WORKLOADS = {
    "mlp": Workload(
        title="MLP 64-128-10, batch 64",
        layers=_MLP,
        sample=(64,),
        batch=64,
        rows=1408,
        goal=2.8,
    ),
    "lenet": Workload(
        title="LeNet-5, batch 128",
        layers=_LENET,
        sample=(1, 28, 28),
        batch=128,
        rows=8064,
        goal=1.3,
    ),
    "resnet": Workload(
        title="ResNet-18 at 32x32, batch 64",
        layers=_RESNET,
        blocks=_RESNET_BLOCKS,
        sample=(3, 32, 32),
        batch=64,
        rows=512,
        goal=2.1,
    ),
    "lstm": Workload(
        title="LSTM of two layers of 256, length 64, batch 32",
        layers=_LSTM,
        sample=(64, 64),
        batch=32,
        rows=512,
        goal=2.3,
    ),
    "encoder": Workload(
        title="Transformer of four layers of 256, length 128, batch 16",
        layers=_ENCODER,
        blocks=_ENCODER_BLOCKS,
        sample=(128, 256),
        batch=16,
        rows=256,
        goal=2.3,
    ),
}
