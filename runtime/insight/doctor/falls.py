"""Whether the loss of a fixed batch falls with every small step down its gradient.

With dropout off and a step that is small enough, it must (the descent lemma). Where it does
not, the gradient is that of something else.
"""

from __future__ import annotations

import itertools
import sys

import torch

from dlc.runtime.insight.doctor.base import Patient, Verdict, double, verdict

NAME = "loss falls"
ORDER = 65

_STEPS = 10
_CHANGE = 1e-3


def obstacle(patient: Patient) -> str:
    return "" if patient.trains else "there is no loss"


def check(patient: Patient) -> Verdict:
    model = patient.fresh().double()
    inputs, targets = (double(tensors) for tensors in patient.batch())
    trained = [p for p in model.parameters() if p.requires_grad]
    losses: list[float] = []
    for _ in range(_STEPS):
        loss = patient.loss(model, inputs, targets)
        losses.append(loss.item())
        found = torch.autograd.grad(loss, trained, allow_unused=True)
        gradients = [
            g if g is not None else torch.zeros_like(p) for g, p in zip(found, trained, strict=True)
        ]
        norm = float(torch.stack([g.norm() for g in gradients]).norm())
        if norm == 0.0:
            break
        # A step that lowers the loss by a thousandth of itself, to first order.
        rate = min(_CHANGE * max(abs(losses[-1]), 1e-6) / norm**2, 1.0)
        with torch.no_grad():
            for parameter, gradient in zip(trained, gradients, strict=True):
                parameter.sub_(rate * gradient)
    rises = sum(b > a + 1e-12 * abs(a) for a, b in itertools.pairwise(losses))
    return verdict(
        sys.modules[__name__],
        good=rises == 0 and len(losses) > 1,
        figure=f"from {losses[0]:.4g} to {losses[-1]:.4g}, rose {rises} times",
        line="never rises",
        remedy="the gradient is not that of the loss, or there is none: see `gradients`",
    )
