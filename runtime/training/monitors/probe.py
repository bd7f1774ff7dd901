"""A few samples of the training part, passed through the network now and then.

They are the same in all of a run, and dropout and augmentation are off, so that what differs
from one pass to the next is what the weights did. The pass is eager, in float32, and changes
nothing: neither the gradients of the step, nor running statistics, nor random state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from dlc.runtime.training.monitors.recorder import Recorder, Signals
from dlc.runtime.training.samples import Rows

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer

Tensors = dict[str, torch.Tensor]

#: Enough that a unit which is zero for all of them is seldom one that is merely choosy.
SAMPLES = 64


class Probe:
    """The samples, and the network that they go through."""

    def __init__(self, trainer: Trainer) -> None:
        fed = trainer.fed or trainer
        self.model: nn.Module = fed.model
        self._loss = trainer.network.loss
        rows = _rows_of(trainer)
        count = min(fed.samples.count(rows), SAMPLES, trainer.epochs.batch_size)
        self.inputs, self.targets = fed.samples.in_order(rows)(0, count)
        self._recurrent = any(isinstance(module, nn.RNNBase) for module in self.model.modules())

    def signals(self) -> Signals:
        """Those of a forward pass."""
        with self._quiet(), torch.no_grad(), Recorder(self.model) as recorder:
            self.model(**self.inputs)
        return recorder.signals

    def gradients(self) -> tuple[Signals, dict[str, torch.Tensor]]:
        """The signals of a pass, and the gradient of the loss by parameter."""
        named = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        with self._quiet(), torch.enable_grad():
            with Recorder(self.model) as recorder:
                outputs = self.model(**self.inputs)
            loss = self._loss(outputs, self.targets)
            if not loss.requires_grad:
                return recorder.signals, {}
            found = torch.autograd.grad(loss, [*named.values()], allow_unused=True)
        gradients = {
            name: _dense(gradient)
            for name, gradient in zip(named, found, strict=True)
            if gradient is not None
        }
        return recorder.signals, gradients

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        modes = [(module, module.training) for module in self.model.modules()]
        devices = {t.device for t in self.inputs.values() if t.device.type == "cuda"}
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=list(devices)))
            # Compiled code knows nothing of the recorder.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
            if self._recurrent:
                # cuDNN's recurrent layers have no gradient in evaluation mode.
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            self.model.eval()
            try:
                yield
            finally:
                # One by one: layers may be in evaluation mode while the network is trained.
                for module, training in modes:
                    module.training = training


def _rows_of(trainer: Trainer) -> Rows:
    """A few rows of the training part: those that lie together where the data are a stream, else
    spread over all, for files are often sorted by class."""
    rows = np.sort(trainer.epochs.rows)
    if trainer.epochs.blocks is not None or len(rows) <= SAMPLES:
        return rows[:SAMPLES]
    return rows[np.linspace(0, len(rows) - 1, SAMPLES).astype(np.int64)]


def _dense(gradient: torch.Tensor) -> torch.Tensor:
    """The numbers of a gradient; of a sparse one those of the rows that were used."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient
