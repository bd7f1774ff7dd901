"""Whether what stands in padded places, or behind a sequence's length, changes an answer."""

from __future__ import annotations

import sys

import torch

from dlc.runtime.export.probes import Use, input_uses
from dlc.runtime.insight.doctor.base import Patient, Verdict, verdict

NAME = "padding"
ORDER = 62

_LARGEST = 1e-4


def obstacle(patient: Patient) -> str:
    uses = input_uses(patient.program)
    if not any(use.padding or use.length_of is not None for use in uses.values()):
        return "there is neither a mask nor a length"
    return ""


def check(patient: Patient) -> Verdict:
    model = patient.fresh()
    inputs, _ = patient.batch()
    other, _ = patient.batch(draw=1)
    uses = input_uses(patient.program)
    changed = dict(inputs)
    for name, use in uses.items():
        if use.padding:
            padded = inputs[name]
        elif use.length_of is not None:
            longest = max((t.shape[1] for t in inputs.values() if t.dim() > 1), default=0)
            padded = torch.arange(longest)[None] >= inputs[name][:, None]
        else:
            continue
        for value, tensor in inputs.items():
            # Values beside a mask are those of the same places.
            use = uses.get(value, Use())
            of_places = use.padding or use.length_of is not None
            if not of_places and tensor.shape[: padded.dim()] == padded.shape:
                here = padded.reshape(*padded.shape, *[1] * (tensor.dim() - padded.dim()))
                changed[value] = torch.where(here, other[value], changed[value])
    with torch.no_grad():
        one, two = model(**inputs), model(**changed)
    worst, place = 0.0, ""
    for name, value in one.items():
        if value.is_floating_point() and value.dim() == 2:
            off = float((value - two[name]).abs().max()) / (float(value.abs().max()) + 1e-6)
            if off > worst:
                worst, place = off, name
    return verdict(
        sys.modules[__name__],
        good=worst <= _LARGEST,
        figure=f"`{place}` changes by {worst:.1e}" if place else "nothing changes",
        line=f"{_LARGEST:g}",
        remedy="give the mask or the lengths to every layer that mixes places: attention, "
        "recurrence, `masked_mean`",
    )
