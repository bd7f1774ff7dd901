"""Layer-sequential unit variance: each weight is divided until its layer gives variance 1.

Source: Mishkin and Matas, "All you need is a good init" (2016), algorithm 1; the orthogonal
start is made by the generated module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.batchnorm import _NormBase

from dlc.runtime.seeding import permutation
from dlc.runtime.training.plan import Scaled
from dlc.runtime.training.samples import Rows, Samples

# Fewer say little about a variance; batches are added up to so many samples.
_LEAST_SAMPLES = 256

Inputs = Mapping[str, torch.Tensor]


def scale_layers(
    model: torch.nn.Module,
    layers: Sequence[Scaled],
    *,
    samples: Samples,
    rows: Rows,
    seed: int,
    batch_size: int,
    say: Callable[[str], None],
) -> None:
    """Divides the weights of `layers`, which come in the order of execution, in place. The
    mode of the network, its buffers and all random state are as before."""
    count = min(len(rows), max(batch_size, _LEAST_SAMPLES))
    if count > batch_size:
        count -= count % batch_size  # a batch norm may not have a last batch of one sample
    take = samples.in_order(rows[permutation(len(rows), seed, "lsuv")[:count]])
    batches = [(start, min(start + batch_size, count)) for start in range(0, count, batch_size)]
    reached = 0
    with torch.no_grad(), _measuring(model):
        for layer in layers:
            variance = _scale(model, layer, lambda: (take(*batch)[0] for batch in batches))
            if abs(variance - 1.0) <= layer.initializer.tol:
                reached += 1
            else:
                say(f"lsuv: `{layer.name}` stays at a variance of {variance:.3g}: {_why(variance)}")
    say(f"lsuv: {reached} of {len(layers)} layers give variance 1 for {count:,} samples")


def _why(variance: float) -> str:
    if variance == 0.0:
        return "it gives the same for every sample"
    if not math.isfinite(variance):
        return "what it gives is not finite"
    return "its bias, or a norm of its weight, decides"


def _scale(model: torch.nn.Module, layer: Scaled, batches: Callable[[], Iterator[Inputs]]) -> float:
    """Divides the weight of one layer; gives the variance that it ends with."""
    module = model.get_submodule(layer.module)
    variance = _variance(model, module, batches())
    for _ in range(layer.initializer.max_iterations):
        if abs(variance - 1.0) <= layer.initializer.tol:
            break
        if variance == 0.0 or not math.isfinite(variance):
            break
        model.get_parameter(layer.weight).div_(math.sqrt(variance))
        variance = _variance(model, module, batches())
    return variance


class _Seen(Exception):
    """What lies behind the layer need not be run."""


def _variance(model: torch.nn.Module, module: torch.nn.Module, batches: Iterator[Inputs]) -> float:
    """The variance of all numbers that the layer gives, where it is called first."""
    found: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def see(_module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        variance, mean = torch.var_mean(output.float(), correction=0)
        found.append((output.numel(), variance, mean))
        raise _Seen

    handle = module.register_forward_hook(see)
    try:
        for inputs in batches:
            try:
                model(**inputs)
            except _Seen:
                continue
    finally:
        handle.remove()
    # Batch by batch, so that only one is held: the variance of the whole is the mean of the
    # variances and the variance of the means.
    total = sum(count for count, _, _ in found)
    means = [(count / total, float(v), float(m)) for count, v, m in found]
    centre = math.fsum(share * mean for share, _, mean in means)
    return math.fsum(share * (v + (mean - centre) ** 2) for share, v, mean in means)


@contextmanager
def _measuring(model: torch.nn.Module) -> Iterator[None]:
    """Without dropout, batch norms over the batch; what they count meanwhile is forgotten."""
    training = {module: module.training for module in model.modules()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.eval()
    for module in model.modules():
        if isinstance(module, _NormBase):
            module.train()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
