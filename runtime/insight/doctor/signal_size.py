"""Signals and gradients as measured against those that theory gives, where theory is exact."""

from __future__ import annotations

import sys

from dlc.compiler.analysis.signal import signal
from dlc.runtime.insight.doctor.base import Patient, Verdict, verdict
from dlc.runtime.insight.measured_signal import measured_signal

NAME = "signal size"
ORDER = 35

# In narrow layers chance is a large part of it.
_MOST = 3.0


def obstacle(patient: Patient) -> str:
    found = signal(patient.program)
    if not any(layer.moments is not None and layer.moments.exact for layer in found.weighted):
        return "the theory stops before the first layer"
    return ""


def check(patient: Patient) -> Verdict:
    measured = measured_signal(patient.program, patient.module)
    worst, place, count = 1.0, "", 0
    for layer in signal(patient.program).weighted:
        if layer.path not in measured or layer.moments is None or not layer.moments.exact:
            continue
        expected, found = layer.moments.square, measured[layer.path][0]
        if expected <= 0:
            continue
        count += 1
        factor = max(found / expected, expected / max(found, 1e-30)) ** 0.5
        if factor > worst:
            worst, place = factor, layer.path
    return verdict(
        sys.modules[__name__],
        good=worst <= _MOST,
        figure=f"off by a factor of {worst:.2f} at most, in {count} layers",
        line=f"{_MOST:g}",
        remedy=f"`{place}` gives signals of another size than its weights and inputs tell: a "
        "missing activation, another start, or a scale too many",
        layer=place,
    )
