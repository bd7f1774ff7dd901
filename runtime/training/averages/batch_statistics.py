"""The statistics of batch norms, measured anew for weights that no step has passed through."""

from __future__ import annotations

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from dlc.runtime.training.samples import Take


def measured_anew(model: torch.nn.Module) -> list[_BatchNorm]:
    """The batch norms whose statistics follow the weights: those that training updates."""
    return [
        module
        for module in model.modules()
        # One that is in evaluation mode while the network is trained is frozen.
        if isinstance(module, _BatchNorm) and module.training and module.track_running_stats
    ]


def measure_batch_statistics(
    model: torch.nn.Module, take: Take, count: int, batch_size: int
) -> None:
    """Sets running means and variances to those over `count` samples, each batch with the same
    weight, as `torch.optim.swa_utils.update_bn` does; but all other layers work as in
    evaluation, so that dropout neither changes the statistics nor draws from the generators
    of the run. The model is in training mode, and is so after."""
    norms = measured_anew(model)
    if not norms:
        return
    modes = [(module, module.training) for module in model.modules()]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    try:
        for norm in norms:
            norm.reset_running_stats()
            # The mean over all batches, instead of one in which old batches fade.
            norm.momentum = None
            norm.training = True
        with torch.no_grad():
            for start in range(0, count, batch_size):
                inputs, _ = take(start, min(start + batch_size, count))
                model(**inputs)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, training in modes:
            module.training = training
