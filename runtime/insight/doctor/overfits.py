"""Whether the network can learn one batch by heart.

A network that cannot has no way for the answer to get in: a wrong axis, a missing gradient, a
loss of other outputs. Dropout is off. Source: Karpathy, "A recipe for training neural networks"
(2019).
"""

from __future__ import annotations

import sys

import torch

from dlc.runtime.insight.doctor.base import Patient, Verdict, seeded, verdict, without_dropout

NAME = "learns a batch"
ORDER = 70

_STEPS = 300
# In large networks a step takes long, and a batch of four is learned soon, or at the other rate:
# deep ones that start small stand still for a hundred steps.
_FEWER, _LARGE = 60, 2_000_000
_RATES = (1e-2, 1e-3)
_LEFT = 0.3


def obstacle(patient: Patient) -> str:
    return "" if patient.trains else "there is no loss"


def check(patient: Patient) -> Verdict:
    inputs, targets = patient.batch(4)
    large = patient.program.parameter_count > _LARGE
    best, first = float("inf"), float("nan")
    for rate in _RATES:
        model = without_dropout(patient.fresh())
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=rate)
        with seeded(patient.seed):
            for step in range(_FEWER if large and rate != _RATES[-1] else _STEPS):
                optimizer.zero_grad()
                loss = patient.loss(model, inputs, targets)
                if step == 0:
                    first = loss.item()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                best = min(best, loss.item())
                if best <= _LEFT * first:
                    break
        if best <= _LEFT * first:
            break
    return verdict(
        sys.modules[__name__],
        good=best <= _LEFT * first,
        figure=f"from {first:.3g} to {best:.3g}",
        line=f"below {_LEFT * first:.3g}",
        remedy="look whether every output gets its target, and at layers that other checks name",
    )
