"""Whether dropout keeps the mean of a signal while training: what it keeps is scaled up.

The mean of many passes in training mode is held against one at use, output by output, as far as
chance allows; of a network whose only random layers are dropout behind which everything is
linear it is exact.
"""

from __future__ import annotations

import sys

import torch
from torch import nn

from dlc.runtime.insight.doctor.base import Patient, Verdict, seeded, verdict

NAME = "dropout"
ORDER = 25

_VALUES = 100_000
_LARGEST = 0.03


def obstacle(patient: Patient) -> str:
    return "" if any("dropout" in kind for kind in patient.kinds) else "there is none"


def check(patient: Patient) -> Verdict:
    model = patient.fresh(training=True)
    layers = [
        (name, layer)
        for name, layer in model.named_modules()
        if type(layer).__name__.startswith("Dropout") or "dropout" in name
    ]
    worst, place, still = 0.0, "", ""
    for name, layer in layers:
        if any(True for _ in layer.children()) or not callable(layer) or _is_of_maps(layer):
            continue
        ones = torch.ones(_VALUES)
        with seeded(patient.seed), torch.no_grad():
            trained = layer.train()(ones)
            used = layer.eval()(ones)
        off = abs(float(trained.mean()) - 1.0)
        if off > worst:
            worst, place = off, name
        if not torch.equal(used, ones):
            still = name
    said = f"`{still}` changes values at use" if still else f"the mean is off by {worst:.2g}"
    return verdict(
        sys.modules[__name__],
        good=worst <= _LARGEST and not still,
        figure=said,
        line=f"{_LARGEST:g}",
        remedy="divide what is kept by 1 - p while training, and do nothing at use",
        layer=still or place,
    )


def _is_of_maps(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Dropout1d | nn.Dropout2d | nn.Dropout3d)
