"""The figures of a part of the data: what `val_loss` and `dlc evaluate` report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import torch

from dlc.runtime.device import is_out_of_memory, release_memory
from dlc.runtime.inference.measures import Measures
from dlc.runtime.inference.rows_at_once import rows_at_once
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.samples import Rows, Samples, Take
from dlc.runtime.training.world import ALONE, World


def measures_of(plan: Plan, labels: Mapping[str, Sequence[str]] | None = None) -> Measures:
    """Empty measures of a plan's loss and metrics; `labels` are the names of the classes of a
    target. Raises `Failure` E0602."""
    return Measures(
        loss=plan.settings.loss,
        metrics=plan.settings.metrics,
        outputs=tuple(plan.outputs),
        types=plan.types,
        labels=labels or {},
    )


def measured(
    model: torch.nn.Module,
    plan: Plan,
    samples: Samples,
    rows: Rows,
    batch_size: int,
    labels: Mapping[str, Sequence[str]] | None = None,
    world: World = ALONE,
) -> Measures:
    """The loss without penalties, and every metric, over the given rows in evaluation mode,
    each rank of `world` taking a share. Leaves the modes and all random state as they were.
    """
    measures = measures_of(plan, labels)
    count = samples.count(rows)
    size = rows_at_once(plan.types.values(), batch_size)
    shared, samples.pad_alike = samples.pad_alike, samples.pad_alike and size
    take = samples.in_order(samples.by_length(rows))
    samples.pad_alike = shared
    modes = [(module, module.training) for module in model.modules()]
    world.level(model)
    model.eval()
    try:
        with torch.no_grad():
            start = 0
            while start < count:
                stop = min(start + size, count)
                first, last = world.share(start, stop)
                if first < last:
                    found = _answers(model, take, first, last, alone=world.size == 1)
                    if found is None:
                        release_memory(samples.device)
                        size = -(-size // 2)
                        continue
                    add(measures, *found, last - first)
                elif world.in_step:
                    model(**take(start, start + 1)[0])
                start = stop
    finally:
        # One by one: layers may be in evaluation mode while the network is trained.
        for module, training in modes:
            module.training = training
    return world.merged(measures)


def _answers(
    model: torch.nn.Module, take: Take, first: int, last: int, *, alone: bool
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]] | None:
    """Outputs and targets; None where the memory does not hold so many samples. Ranks that are
    not alone would have to agree on fewer."""
    try:
        inputs, targets = take(first, last)
        return model(**inputs), targets
    except RuntimeError as error:
        if not is_out_of_memory(error) or last - first == 1 or not alone:
            raise
    return None


def add(
    measures: Measures,
    outputs: dict[str, torch.Tensor],
    targets: dict[str, torch.Tensor],
    rows: int,
) -> None:
    values = {**outputs, **targets}
    measures.add(
        {name: _on_host(value) for name, value in values.items() if name in measures.types}, rows
    )


def _on_host(value: torch.Tensor) -> npt.NDArray[Any]:
    value = value.detach()
    if value.dtype is torch.bfloat16:
        value = value.float()
    array: npt.NDArray[Any] = value.cpu().numpy()
    return array
