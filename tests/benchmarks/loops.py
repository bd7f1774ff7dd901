"""Ways to train a workload: ours through its trainer, and loops as others write them.

Each is a function that makes so many steps more. All train the network that dlc generates,
which is plain PyTorch: what is compared is how it is run.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dlc.runtime.device import choose_device
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.training import session
from dlc.runtime.training.engine.traits import has_fast_bf16
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.signals import Stop
from dlc.runtime.training.trainer import Trainer
from tests.benchmarks.workloads import Workload

Steps = Callable[[int], None]

#: What the usual hand-written loop does without.
EAGER = (
    "train.precision=float32",
    "train.compile=false",
    "train.channels_last=false",
)


class Ours:
    """The trainer of a run, step by step."""

    def __init__(self, workload: Workload, folder: Path, stack: ExitStack, *sets: str) -> None:
        run = Path(tempfile.mkdtemp(dir=folder)) / "run"
        begun = session.begin(
            workload.plan(folder, *sets), run, spec=("bench.yaml", ""), say=print, device="cpu"
        )
        stack.callback(begun.run.close)
        self.trainer: Trainer = begun.trainer(load_module, Silent(), Stop())
        self.choices: dict[str, Any] = begun.run.record["choices"]
        stack.enter_context(self.trainer.session())
        self.take = self.trainer.open_epoch()

    def __call__(self, steps: int) -> None:
        trainer = self.trainer
        for _ in range(steps):
            first, end = trainer.span()
            done = trainer.step(self.take, first, end, trainer.epochs.batch_size)
            if not trainer.took(end, *done):
                self.take = trainer.open_epoch()


def arrays(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(folder / "rows.npz", allow_pickle=False) as found:
        return torch.from_numpy(found["x"]), torch.from_numpy(found["label"])


def network(workload: Workload, folder: Path) -> nn.Module:
    torch.manual_seed(0)
    return model_class(load_module(workload.plan(folder).source))()


def plain(workload: Workload, folder: Path) -> Steps:
    """The baseline: all data in one tensor, an eager step in float32, the default optimizer."""
    x, label = arrays(folder)
    model = network(workload, folder)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def batches() -> Iterator[torch.Tensor]:
        while True:
            yield from torch.randperm(len(x)).split(workload.batch)

    source = batches()

    def run(steps: int) -> None:
        for _ in range(steps):
            index = next(source)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[index])["logits"], label[index]).backward()
            optimizer.step()

    return run


def with_loader(workload: Workload, folder: Path) -> Steps:
    """The usual loop: a DataLoader, an eager step, the loss read at every step."""
    model = network(workload, folder)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    data = torch.utils.data.TensorDataset(*arrays(folder))
    loader = torch.utils.data.DataLoader(data, batch_size=workload.batch, shuffle=True)

    def batches() -> Iterator[Any]:
        while True:
            yield from loader

    source = batches()

    def run(steps: int) -> None:
        for _ in range(steps):
            x, label = next(source)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x)["logits"], label)
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def tuned(workload: Workload, folder: Path) -> Steps:
    """What one writes who knows PyTorch well: slices of shuffled data, a fused optimizer, bf16
    and channels last where they help."""
    x, label = arrays(folder)
    model = network(workload, folder)
    images = x.dim() == 4
    if images:
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    half = x[0].numel() > 64 and has_fast_bf16(choose_device("cpu"))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            order = torch.randperm(len(x))
            yield from zip(
                x[order].split(workload.batch), label[order].split(workload.batch), strict=True
            )

    source = batches()

    def run(steps: int) -> None:
        for _ in range(steps):
            inputs, targets = next(source)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = model(inputs)["logits"]
                loss = nn.functional.cross_entropy(logits.float(), targets)
            loss.backward()
            optimizer.step()

    return run


def lightning(workload: Workload, folder: Path) -> Steps | None:
    """Lightning's Trainer with its defaults; None where it is not installed."""
    if importlib.util.find_spec("lightning") is None:
        return None
    import lightning

    class Module(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network(workload, folder)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return nn.functional.cross_entropy(self.network(batch[0])["logits"], batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=1e-4)

    module = Module()
    data = torch.utils.data.TensorDataset(*arrays(folder))
    loader = torch.utils.data.DataLoader(data, batch_size=workload.batch, shuffle=True)

    def run(steps: int) -> None:
        trainer = lightning.Trainer(
            max_steps=steps, max_epochs=-1, default_root_dir=folder, accelerator="cpu"
        )
        trainer.fit(module, loader)

    return run


def keras(workload: Workload, folder: Path) -> Steps | None:
    """Keras's `fit` on torch, round the same network; None where it is not installed."""
    if importlib.util.find_spec("keras") is None:
        return None
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    x, label = (tensor.numpy() for tensor in arrays(folder))
    wrapped = network(workload, folder)

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = wrapped

        def forward(self, x: torch.Tensor) -> Any:
            return self.network(x)["logits"]

    model = keras.Sequential(
        [keras.Input(workload.sample), keras.layers.TorchModuleWrapper(Logits())]
    )
    model.compile(
        keras.optimizers.Adam(1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    per_epoch = -(-workload.rows // workload.batch)

    def run(steps: int) -> None:
        whole, rest = divmod(steps, per_epoch)
        if whole:
            model.fit(x, label, batch_size=workload.batch, epochs=whole, verbose=0)
        if rest:
            count = rest * workload.batch
            model.fit(x[:count], label[:count], batch_size=workload.batch, verbose=0)

    return run
