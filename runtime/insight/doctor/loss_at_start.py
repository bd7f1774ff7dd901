"""The loss before training, against what a network that knows nothing has.

ln K for K classes, ln 2 for yes or no. One that is far above starts with weights that are too
large or with answers in the wrong place; one below has seen the label.
"""

from __future__ import annotations

import math
import sys

import torch

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.runtime.insight.doctor.base import Patient, Verdict, verdict, without_dropout

NAME = "loss at start"
ORDER = 20

_SAMPLES = 64
_ABOVE, _BELOW = 1.5, 0.5


def obstacle(patient: Patient) -> str:
    if len(patient.compilation.settings.loss) != 1 or _expected(patient) is None:
        return "what it would be is not known for this loss"
    return ""


def check(patient: Patient) -> Verdict:
    expected = _expected(patient)
    assert expected is not None
    # Batch norms have no statistics yet but those of the batch.
    model = without_dropout(patient.fresh())
    inputs, targets = patient.batch(_SAMPLES)
    with torch.no_grad():
        found = float(patient.loss(model, inputs, targets))
    return verdict(
        sys.modules[__name__],
        good=expected - _BELOW <= found <= expected + _ABOVE,
        figure=f"{found:.3g}",
        line=f"about {expected:.3g}",
        remedy="start smaller weights in the last layer, and look whether the label reaches the "
        "loss in another way than through the output",
    )


def _expected(patient: Patient) -> float | None:
    for term in patient.compilation.settings.loss[:1]:
        if isinstance(term.loss, ClassLoss):
            classes = patient.classes(term.loss)
            return None if classes is None else term.weight * math.log(classes)
        if term.loss.name.startswith("binary_cross_entropy"):
            return term.weight * math.log(2.0)
    return None
