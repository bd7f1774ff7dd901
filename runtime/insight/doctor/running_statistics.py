"""Whether batch norms collect statistics while training, and take them at use."""

from __future__ import annotations

import sys

import torch
from torch import nn

from dlc.runtime.insight.doctor.base import Patient, Verdict, seeded, verdict

NAME = "running statistics"
ORDER = 27


def obstacle(patient: Patient) -> str:
    return (
        "" if any(k.startswith("batch_norm") for k in patient.kinds) else "there is no batch norm"
    )


def check(patient: Patient) -> Verdict:
    model = patient.fresh(training=True)
    norms = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.track_running_stats
    ]
    before = {
        name: layer.running_mean.clone() for name, layer in norms if layer.running_mean is not None
    }
    inputs, _ = patient.batch(16)
    with seeded(patient.seed), torch.no_grad():
        model(**inputs)
    idle = [
        name
        for name, layer in norms
        if layer.running_mean is not None and torch.equal(layer.running_mean, before[name])
    ]
    model.eval()
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    with torch.no_grad():
        model(**inputs)
    moving = [n for n, b in model.named_buffers() if not torch.equal(b, kept[n])]
    blamed = idle[0] if idle else patient.layer_of(moving[0]) if moving else ""
    said = f"`{blamed}` {'collects none' if idle else 'collects at use'}" if blamed else "collected"
    return verdict(
        sys.modules[__name__],
        good=not blamed,
        figure=said if blamed else f"{len(norms)} norms collect while training alone",
        line="while training, and not at use",
        remedy="let the norm follow the mode of the network (`model.train()`, `model.eval()`)",
        layer=blamed,
    )
