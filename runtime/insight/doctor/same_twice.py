"""Whether the same seed gives the same loss and gradients, and use no chance at all."""

from __future__ import annotations

import sys

import torch

from dlc.runtime.insight.doctor.base import Patient, Verdict, seeded, verdict

NAME = "same twice"
ORDER = 10


def obstacle(patient: Patient) -> str:
    return ""


def check(patient: Patient) -> Verdict:
    inputs, targets = patient.batch()
    model = patient.fresh()
    with torch.no_grad():
        answers = [model(**inputs) for _ in range(2)]
    changed = [n for n, v in answers[0].items() if not torch.equal(v, answers[1][n])]
    losses = []
    for _ in range(2 if patient.trains else 0):
        trained = patient.fresh(training=True)
        with seeded(patient.seed):
            loss = patient.loss(trained, inputs, targets)
            loss.backward()  # type: ignore[no-untyped-call]
        losses.append(
            [loss.detach(), *(p.grad for p in trained.parameters() if p.grad is not None)]
        )
    differ = bool(losses) and not all(
        torch.equal(a.to_dense(), b.to_dense()) for a, b in zip(*losses, strict=True)
    )
    said = f"`{changed[0]}` changes at use" if changed else "a step with the same seed differs"
    good = not (changed or differ)
    return verdict(
        sys.modules[__name__],
        good=good,
        figure="bit for bit" if good else said,
        line="equal",
        remedy="dropout or noise that is on at use, or numbers that no seed decides",
    )
