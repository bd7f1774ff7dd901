"""Whether every trained parameter that leads to the loss gets a finite gradient.

Branches may start at zero, so that what lies before them gets none in the first step: a few
steps are made, and one gradient suffices.
"""

from __future__ import annotations

import sys

import torch

from dlc.compiler.analysis.flat import flatten
from dlc.compiler.analysis.leading import leading_to
from dlc.compiler.codegen import identifiers
from dlc.runtime.insight.doctor.base import Patient, Verdict, seeded, verdict, without_dropout

NAME = "every gradient"
ORDER = 50

_STEPS = 3


def obstacle(patient: Patient) -> str:
    return "" if patient.trains else "there is no loss"


def check(patient: Patient) -> Verdict:
    model = without_dropout(patient.fresh())
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.SGD(named.values(), lr=1e-2)
    got: set[str] = set()
    broken = ""
    for step in range(_STEPS):
        inputs, targets = patient.batch(draw=step)
        optimizer.zero_grad()
        with seeded(patient.seed + step):
            patient.loss(model, inputs, targets).backward()  # type: ignore[no-untyped-call]
        for name, parameter in named.items():
            gradient = parameter.grad
            if gradient is None:
                continue
            values = gradient.coalesce().values() if gradient.is_sparse else gradient
            if not bool(torch.isfinite(values).all()):
                broken = broken or name
            elif bool((values != 0).any()):
                got.add(name)
        optimizer.step()
    # What leads to no loss is told by a lint.
    leading = _leading(patient)
    wanted = [name for name in named if name in got or name in leading]
    missing = [name for name in wanted if name not in got]
    blamed = broken or (missing[0] if missing else "")
    said = f"`{broken}` gets one that is not finite" if broken else f"`{blamed}` gets none"
    return verdict(
        sys.modules[__name__],
        good=not blamed,
        figure=f"{len(got)} of {len(wanted)} parameters" if not blamed else said,
        line="all",
        remedy=f"look at what lies between `{blamed}` and the loss: a detached value, dead units, "
        "a branch that nothing reads",
        layer=patient.layer_of(blamed),
    )


def _leading(patient: Patient) -> set[str]:
    """The parameters that lead to a loss."""
    flat = flatten(patient.program)
    read = {name for term in patient.compilation.settings.loss for name in term.loss.names}
    found = leading_to(flat, [value for name, value in flat.outputs.items() if name in read])
    return {identifiers.module_path(name) for name in found}
