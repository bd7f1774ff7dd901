"""The preprocess steps behind augmentation, on the device, batch by batch.

The same arithmetic as in numpy, in the same order and precision. A step that has no form
here runs in numpy on the host: correct, and a detour for an accelerator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch

from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.compiler.components.preprocessing.normalize import Normalize
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.runtime.augmentation.places import Unfinished
from dlc.runtime.data import steps as running

Statistics = Mapping[str, torch.Tensor]


def _scale(step: Scale, x: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    return x * float(np.float32(step.factor))


def _standardize(step: Any, x: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    return (x - statistics["mean"]) / statistics["std"]


def _normalize(step: Normalize, x: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    mean, std = (
        x.new_tensor(numbers).view(shape)
        for numbers, shape in (step.spread(v, x.dim()) for v in (step.mean, step.std))
    )
    return (x - mean) / std


def _center_crop(step: CenterCrop, x: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    height, width = x.shape[-2:]
    top, left = step.corner(height, width)
    (above, below), (before, after) = step.borders(height, width)
    if above or below or before or after:
        x = torch.nn.functional.pad(x, (before, after, above, below))
    return x[..., top : top + step.size[0], left : left + step.size[1]]


_ON_DEVICE: Final[Mapping[str, Callable[[Any, torch.Tensor, Statistics], torch.Tensor]]] = {
    "scale": _scale,
    "standardize": _standardize,
    "normalize": _normalize,
    "center_crop": _center_crop,
}


class Finish:
    """The steps that are left to do for one input; calls take and give a batch."""

    def __init__(self, unfinished: Unfinished, dtype: torch.dtype, device: torch.device) -> None:
        self.steps = unfinished.steps
        self.given = unfinished.statistics
        self.dtype = dtype
        self.statistics = [
            {name: torch.tensor(value, device=device) for name, value in found.items()}
            if step.name in _ON_DEVICE
            else {}
            for step, found in zip(self.steps, self.given, strict=True)
        ]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        for step, here, there in zip(self.steps, self.statistics, self.given, strict=True):
            run = _ON_DEVICE.get(step.name)
            if run is not None:
                x = run(step, x, here)
                continue
            values = running.load(step.name).apply(step, x.cpu().numpy(), there)
            x = torch.from_numpy(np.ascontiguousarray(values)).to(x.device)
        return x.to(self.dtype)
