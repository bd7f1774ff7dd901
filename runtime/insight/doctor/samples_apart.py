"""Whether a sample's answer is its own: what else is in the batch may not change it, at use."""

from __future__ import annotations

import sys

import torch

from dlc.runtime.insight.doctor.base import Patient, Verdict, verdict

NAME = "samples apart"
ORDER = 60

_LARGEST = 1e-4


def obstacle(patient: Patient) -> str:
    return ""


def check(patient: Patient) -> Verdict:
    model = patient.fresh()
    first, _ = patient.batch()
    other, _ = patient.batch(draw=1)
    mixed = {
        name: torch.cat((tensor[:1], other[name][1:])) if tensor.dim() else tensor
        for name, tensor in first.items()
    }
    with torch.no_grad():
        one, two = model(**first), model(**mixed)
    worst, place = 0.0, ""
    for name, value in one.items():
        if value.dim() and value.is_floating_point() and len(value) == len(two[name]):
            size = float(value[0].abs().max()) + 1e-6
            off = float((value[0] - two[name][0]).abs().max()) / size
            if off > worst:
                worst, place = off, name
    return verdict(
        sys.modules[__name__],
        good=worst <= _LARGEST,
        figure=f"{worst:.1e}"
        if not place or worst <= _LARGEST
        else f"`{place}` changes by {worst:.1e}",
        line=f"{_LARGEST:g}",
        remedy="something mixes samples: a reshape over the batch, a norm or softmax over dim 0, "
        "or batch norm that takes its statistics at use",
    )
