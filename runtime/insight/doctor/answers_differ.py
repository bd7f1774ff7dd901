"""Whether every output depends on the inputs, and no layer is silent for all samples."""

from __future__ import annotations

import sys
from typing import Any

import torch

from dlc.runtime.insight.doctor.base import Patient, Verdict, verdict

NAME = "answers differ"
ORDER = 30

_SAMPLES = 32
_LEAST = 1e-7


def obstacle(patient: Patient) -> str:
    return ""


def check(patient: Patient) -> Verdict:
    model = patient.fresh()
    silent: list[str] = []
    handles = [
        module.register_forward_hook(_noting(name, silent))
        for name, module in model.named_modules()
        if name and any(True for _ in module.parameters(recurse=False))
    ]
    inputs, _ = patient.batch(_SAMPLES)
    with torch.no_grad():
        outputs = model(**inputs)
    for handle in handles:
        handle.remove()
    constant = [
        name
        for name, value in outputs.items()
        if value.is_floating_point() and value.dim() > 1 and len(value) == _SAMPLES
        if not _varies(value)
    ]
    broken = [
        n for n, v in outputs.items() if v.is_floating_point() and not bool(v.isfinite().all())
    ]
    blamed = silent[0] if silent else ""
    said = (
        f"`{broken[0]}` is not finite"
        if broken
        else f"`{constant[0]}` is the same for all samples"
        if constant
        else f"`{blamed}` gives 0 for all samples"
    )
    good = not (broken or constant or blamed)
    return verdict(
        sys.modules[__name__],
        good=good,
        figure=f"{len(outputs)} outputs over {_SAMPLES} samples" if good else said,
        line="each varies, and is finite",
        remedy="look at the layer's weights and at the axis of a softmax or norm before it",
        layer=blamed,
    )


def _varies(value: torch.Tensor) -> bool:
    spread = value.flatten(1).std(0)
    # A layer of zeros is a start that is meant.
    return bool((spread > _LEAST).any()) or bool((value == 0).all())


def _noting(name: str, silent: list[str]) -> Any:
    def note(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        value = output[0] if isinstance(output, tuple) else output
        weights = [p for p in module.parameters(recurse=False) if p.dim() > 1]
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or not weights:
            return
        if bool((value == 0).all()) and any(bool((p != 0).any()) for p in weights):
            silent.append(name)

    return note
