"""Each gradient against a difference of the loss, in float64.

(L(w + h) - L(w - h)) / 2h for a few numbers w of every parameter. Where the differences to both
sides disagree there is a kink, a relu at 0 say, and the number is left out. A deep network has so
many of them that a step crosses some which hardly show, or that lie right beside w; a gradient is
right where it is the difference to one side, or that of a shorter step. Dropout is off.
"""

from __future__ import annotations

import math
import statistics
import sys

import torch

from dlc.runtime.insight.doctor.base import Patient, Verdict, double, verdict

NAME = "gradients"
ORDER = 40

_SAMPLES = 2
_ENTRIES = 4
_STEPS = (1e-5, 1e-6, 1e-7)
_LARGEST = 1e-4
_KINK = 1e-2
_PARAMETERS = 400


def obstacle(patient: Patient) -> str:
    return "" if patient.trains else "there is no loss"


def check(patient: Patient) -> Verdict:
    model = patient.fresh().double()
    inputs, targets = (double(tensors) for tensors in patient.batch(_SAMPLES))
    named = dict(model.named_parameters())
    loss = patient.loss(model, inputs, targets)
    here = loss.item()
    gradients = torch.autograd.grad(loss, [*named.values()], allow_unused=True)
    scale = max((float(g.abs().max()) for g in gradients if g is not None), default=0.0)
    generator = torch.Generator().manual_seed(patient.seed)
    worst, place, kinks, count = 0.0, "", 0, 0
    for (name, parameter), gradient in [*zip(named.items(), gradients, strict=True)][:_PARAMETERS]:
        flat = parameter.detach().reshape(-1)
        offs: list[float] = []
        for index in torch.randint(0, len(flat), (_ENTRIES,), generator=generator).tolist():
            told = 0.0 if gradient is None else float(gradient.reshape(-1)[index])
            off = None
            for step in _STEPS:
                sides = _differences(patient, model, flat, index, step, inputs, targets, here)
                if not _is_kink(*sides):
                    near = min((sum(sides) / 2, *sides), key=lambda found: abs(told - found))
                    size = max(abs(told), abs(near), 1e-3 * scale, 1e-12)
                    off = min(abs(told - near) / size, off if off is not None else math.inf)
                    if off <= _LARGEST:
                        break
            if off is None:
                kinks += 1
                continue
            count += 1
            offs.append(off)
        # A wrong gradient is wrong in all of its numbers; in a deep network one of them may
        # lie where a relu far behind it has its kink.
        middle = statistics.median(offs) if offs else 0.0
        if middle > worst:
            worst, place = middle, name
    return verdict(
        sys.modules[__name__],
        good=worst <= _LARGEST,
        figure=f"off by {worst:.1e} at most, in {count} numbers",
        line=f"{_LARGEST:g}",
        remedy=f"the gradient of `{place}` is not that of the loss: something on the way detaches, "
        "or changes a value in place",
        layer=patient.layer_of(place),
        notes=(f"{kinks} lie at a kink",) if kinks else (),
    )


def _differences(
    patient: Patient,
    model: torch.nn.Module,
    flat: torch.Tensor,
    index: int,
    relative: float,
    inputs: dict[str, torch.Tensor],
    targets: dict[str, torch.Tensor],
    here: float,
) -> tuple[float, float]:
    """The differences to both sides."""
    before = float(flat[index])
    step = relative * max(1.0, abs(before))
    with torch.no_grad():
        flat[index] = before + step
        right = float(patient.loss(model, inputs, targets))
        flat[index] = before - step
        left = float(patient.loss(model, inputs, targets))
        flat[index] = before
    return (right - here) / step, (here - left) / step


def _is_kink(forward: float, backward: float) -> bool:
    return abs(forward - backward) > _KINK * max(abs(forward), abs(backward), 1e-6)
