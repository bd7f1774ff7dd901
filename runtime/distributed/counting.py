"""How the loss of a rank's share counts in that of the whole batch.

A loss is a mean, and what it divides by depends on the batch: the samples, the labels that
are not ignored, their weights. A rank's mean is therefore scaled by its share of the divisor,
so that the mean over the ranks is the mean over the batch. Where that cannot be told, ranks
send each other their outputs and targets, and each computes the loss of the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.missing_labels import missing_labels
from dlc.compiler.ir.types import TensorType
from dlc.runtime.distributed import wire
from dlc.runtime.training.world import LossFunction, Tensors

if TYPE_CHECKING:
    from dlc.runtime.training.plan import Plan


class Share(dict[str, torch.Tensor]):
    """The targets of a rank's share, with how many samples of the batch each rank has. Where
    the own number is 0, there are some all the same, which do not count."""

    def __init__(self, targets: Tensors, counts: Sequence[int]) -> None:
        super().__init__(targets)
        self.counts = counts


def counts_of(targets: Tensors) -> Sequence[int]:
    assert isinstance(targets, Share)
    return targets.counts


def counted(loss: LossFunction, plan: Plan, rank: int) -> LossFunction:
    """The loss whose mean over all ranks is that of the batch; so are its gradients."""
    terms = [term.loss for term in plan.settings.loss]
    partial = missing_labels(terms, plan.targets)
    if not partial and all(term.divides_by == "samples" for term in terms):
        return _BySamples(loss, rank)
    if len(terms) == 1 and isinstance(terms[0], ClassLoss):
        return _ByLabels(loss, terms[0], rank)
    batched = {name for name, type in plan.types.items() if _is_batched(type)}
    return _Gathered(loss, batched, rank)


def _is_batched(type: TensorType) -> bool:
    return type.rank > 0 and not isinstance(type.shape[0], int)


class _BySamples:
    """Every sample counts alike."""

    def __init__(self, loss: LossFunction, rank: int) -> None:
        self.loss, self.rank = loss, rank

    def __call__(self, outputs: Tensors, targets: Tensors) -> torch.Tensor:
        counts = counts_of(targets)
        return self.loss(outputs, targets) * (len(counts) * counts[self.rank] / sum(counts))


class _ByLabels:
    """Every label counts by the weight of its class, and some do not at all."""

    def __init__(self, loss: LossFunction, term: ClassLoss, rank: int) -> None:
        self.loss, self.term, self.rank = loss, term, rank
        self.samples = _BySamples(loss, rank)

    def __call__(self, outputs: Tensors, targets: Tensors) -> torch.Tensor:
        labels = targets[self.term.target]
        # Probabilities, of mixed samples too, are divided by their number.
        if labels.is_floating_point():
            return self.samples(outputs, targets)
        own = self._weight(labels[: counts_of(targets)[self.rank]])
        total = own.clone()
        dist.all_reduce(total)
        loss = self.loss(outputs, targets)
        # The mean over no label is NaN, and takes no part.
        share = (dist.get_world_size() * own / total).to(loss.dtype)
        return torch.where(own > 0, loss * share, loss.new_zeros(()))

    def _weight(self, labels: torch.Tensor) -> torch.Tensor:
        known = labels != self.term.ignore_index
        if self.term.factors is None:
            return known.sum().double()
        weights = torch.tensor(self.term.factors, dtype=torch.float64, device=labels.device)
        return (weights[labels.clamp(0, len(weights) - 1)] * known).sum()


class _Gathered:
    """Ranks send each other outputs and targets; gradients flow into their own alone."""

    def __init__(self, loss: LossFunction, batched: set[str], rank: int) -> None:
        self.loss, self.batched, self.rank = loss, batched, rank

    def __call__(self, outputs: Tensors, targets: Tensors) -> torch.Tensor:
        counts = counts_of(targets)
        size = len(counts)
        whole = self.loss(
            {name: self._whole(name, value, counts) for name, value in outputs.items()},
            {name: self._whole(name, value, counts) for name, value in targets.items()},
        )
        # A rank without samples takes part in the exchange of gradients all the same.
        nothing = sum(
            (value.sum() * 0.0 for value in outputs.values() if value.requires_grad),
            whole.new_zeros(()),
        )
        # The value of the whole, and gradients that are right when averaged.
        scaled = whole * size + nothing
        return scaled + (whole - scaled).detach()

    def _whole(self, name: str, value: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        if name not in self.batched:
            # Each rank has all of its gradient, not a part.
            part = value / len(counts) if value.requires_grad else value
            return part + (value - part).detach() if value.requires_grad else value
        parts = wire.gather_rows(value, counts)
        parts[self.rank] = value[: counts[self.rank]]
        return torch.cat(parts)
