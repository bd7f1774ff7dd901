"""What the averages of weights share: their tensors, and how they get into the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import torch
from torch.optim.swa_utils import get_swa_multi_avg_fn

from dlc.runtime.training.averages.batch_statistics import (
    measure_batch_statistics,
    measured_anew,
)
from dlc.runtime.training.checkpoint import AVERAGE
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.weights import divided_like, owned_tensors

Tensors = dict[str, torch.Tensor]
Pair = tuple[list[torch.Tensor], list[torch.Tensor]]


class WeightAverage(Hook):
    """A second set of weights, and how it gets into the network and out again.

    `weights` are by state_dict key and lie where the network does; empty while nothing is
    averaged yet. `averaged` counts what went into them. `own` are the network's.
    `watched` says that validations measure the average, not the weights of the last step.
    `stale` marks batch norms whose statistics are not those of `weights`.
    """

    name: ClassVar[str] = AVERAGE
    watched: ClassVar[bool] = True

    def __init__(self) -> None:
        self.trainer: Trainer | None = None
        self.own: Tensors = {}
        self.weights: Tensors = {}
        self.averaged = 0
        self.stale = False

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.own = owned_tensors(trainer.model)
        if self.weights:
            self.weights = placed(self.weights, self.own)

    # ── where the average is used ────────────────────────────────────────────

    def evaluating(self) -> AbstractContextManager[object]:
        return self.put_in() if self.watched and self.weights else nullcontext()

    @contextmanager
    def put_in(self) -> Iterator[None]:
        """The average in the network, with statistics of its own; after, all is as before."""
        self._exchange()
        try:
            if self.stale:
                self._measure_statistics()
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        """Weights of the network against the average. By copying: a compiled step or a captured
        graph knows the network's tensors by their addresses."""
        for name, tensor in self.own.items():
            other = self.weights[name]
            kept = tensor.clone()
            tensor.copy_(other)
            other.copy_(kept)

    def _measure_statistics(self) -> None:
        trainer = self.trainer
        assert trainer is not None
        epochs = trainer.epochs
        # Always the same order: what is measured is a function of the weights alone.
        take = trainer.samples.in_order(epochs.order(0))
        measure_batch_statistics(trainer.model, take, epochs.usable, epochs.batch_size)
        self.stale = False

    def changed(self) -> None:
        """To be called where `weights` are no longer those whose statistics were measured."""
        assert self.trainer is not None
        self.stale = bool(measured_anew(self.trainer.model))

    # ── state ────────────────────────────────────────────────────────────────

    def tensors(self) -> Mapping[str, torch.Tensor]:
        if self.weights and self.stale:
            # A checkpoint is exported without data: its average must be whole.
            with self.put_in():
                pass
        return {f"weights/{name}": tensor for name, tensor in self.weights.items()}

    def state(self) -> dict[str, Any]:
        return {"averaged": self.averaged, "watched": self.watched}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.weights = part_of(tensors, "weights/")
        self.averaged = int(state.get("averaged", 0))


def part_of(tensors: Mapping[str, Any], prefix: str) -> Tensors:
    """The arrays below a prefix, as tensors on the host."""
    return {
        name.removeprefix(prefix): torch.tensor(array)
        for name, array in tensors.items()
        if name.startswith(prefix)
    }


def placed(weights: Tensors, own: Tensors) -> Tensors:
    """Weights where those of a network lie, laid out as those are."""
    return {
        name: torch.empty_like(like).copy_(divided_like(like, weights[name]))
        for name, like in own.items()
    }


def copied(own: Tensors) -> Tensors:
    """The weights of a network as they are now."""
    return {name: tensor.clone() for name, tensor in own.items()}


def groups(average: Tensors, own: Tensors) -> tuple[list[Pair], Pair]:
    """The tensors of both side by side: those that are averaged, listed by element type as the
    functions of `torch.optim.swa_utils` take them, and whole numbers, which are copied."""
    floats: dict[torch.dtype, Pair] = {}
    others: Pair = ([], [])
    for name, tensor in own.items():
        pair = floats.setdefault(tensor.dtype, ([], [])) if tensor.is_floating_point() else others
        pair[0].append(average[name])
        pair[1].append(tensor)
    return list(floats.values()), others


def mean_into(average: Tensors, weights: Tensors, count: int) -> None:
    """Takes weights into the plain mean of `count` others."""
    floats, others = groups(average, weights)
    update = get_swa_multi_avg_fn()  # type: ignore[no-untyped-call]
    for pair in floats:
        update(*pair, count)
    for mean, value in zip(*others, strict=True):
        mean.copy_(value)
