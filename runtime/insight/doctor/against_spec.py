"""A module that was given, against the one that the spec is lowered to, with the same weights.

Names and shapes of parameters, answers at use, the loss and its gradients. Where answers
differ, the first layer in the order of execution whose result differs is named.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn

from dlc.runtime.insight.doctor.base import (
    Patient,
    Tensors,
    Verdict,
    double,
    seeded,
    verdict,
    without_dropout,
)

NAME = "against the spec"
ORDER = 5

_LARGEST = 1e-6


def obstacle(patient: Patient) -> str:
    return "" if patient.reference is not None else "the module is the spec's own"


def check(patient: Patient) -> Verdict:
    assert patient.reference is not None
    given, ours = patient.fresh(), patient.fresh(module=patient.reference)
    problem, layer = _parameters(given, ours)
    if not problem:
        start, layer = _starts(given, ours)
        given.load_state_dict(ours.state_dict())
        given, ours = given.double(), ours.double()
        inputs, targets = (double(tensors) for tensors in patient.batch())
        problem, found = _answers(given, ours, inputs)
        if not problem and patient.trains:
            problem, found = _losses(patient, given, ours, inputs, targets)
        problem, layer = (problem, found) if problem else (start, layer)
    return verdict(
        sys.modules[__name__],
        good=not problem,
        figure=problem or "equal weights give equal answers, losses and gradients",
        line=f"{_LARGEST:g}",
        remedy="compare the module with what `dlc build` writes, at that layer",
        layer=layer,
    )


def _parameters(given: nn.Module, ours: nn.Module) -> tuple[str, str]:
    mine = {name: tuple(t.shape) for name, t in ours.state_dict().items()}
    theirs = {name: tuple(t.shape) for name, t in given.state_dict().items()}
    for name in [*mine, *theirs]:
        layer = name.rpartition(".")[0]
        if name not in theirs:
            return f"`{name}` is missing", layer
        if name not in mine:
            return f"`{name}` is too much", layer
        if mine[name] != theirs[name]:
            return f"`{name}` is {list(theirs[name])}, not {list(mine[name])}", layer
    return "", ""


def _starts(given: nn.Module, ours: nn.Module) -> tuple[str, str]:
    """Whether weights start as large as ours do, whatever they are drawn by."""
    theirs = dict(given.named_parameters())
    for name, parameter in ours.named_parameters():
        a, b = float(parameter.detach().norm()), float(theirs[name].detach().norm())
        if max(a, b) > 2.0 * min(a, b) + 1e-6:
            return f"`{name}` starts with the norm {b:.3g}, not {a:.3g}", name.rpartition(".")[0]
    return "", ""


def _answers(given: nn.Module, ours: nn.Module, inputs: Tensors) -> tuple[str, str]:
    seen: list[dict[str, torch.Tensor]] = []
    outputs: list[Tensors] = []
    for model in (given, ours):
        found: dict[str, torch.Tensor] = {}
        handles = [
            module.register_forward_hook(_keeping(name, found))
            for name, module in model.named_modules()
            if name and not any(True for _ in module.children())
        ]
        with seeded(0), torch.no_grad():
            try:
                outputs.append(model.eval()(**inputs))
            except (RuntimeError, IndexError, ValueError) as error:
                return f"it fails: {str(error).splitlines()[0][:120]}", ""
        for handle in handles:
            handle.remove()
        seen.append(found)
    differ = [n for n, v in outputs[1].items() if n not in outputs[0] or _off(outputs[0][n], v)]
    if not differ:
        return "", ""
    for name, value in seen[1].items():
        if name in seen[0] and _off(seen[0][name], value):
            return f"`{differ[0]}` differs, and first of all `{name}`", name
    last = [*seen[1]][-1] if seen[1] else ""
    return f"`{differ[0]}` differs, behind `{last}`", last


def _losses(
    patient: Patient, given: nn.Module, ours: nn.Module, inputs: Tensors, targets: Tensors
) -> tuple[str, str]:
    assert patient.reference is not None
    gradients = []
    losses = []
    for model, module in ((given, patient.module), (ours, patient.reference)):
        model = without_dropout(model)
        with seeded(0):
            loss = module.loss(model(**inputs), targets)
        found = torch.autograd.grad(loss, [*model.parameters()], allow_unused=True)
        names = [name for name, _ in model.named_parameters()]
        gradients.append(dict(zip(names, found, strict=True)))
        losses.append(loss.item())
    if abs(losses[0] - losses[1]) > _LARGEST * max(abs(losses[1]), 1.0):
        return f"the loss is {losses[0]:.6g}, not {losses[1]:.6g}", ""
    scale = max((float(g.abs().max()) for g in gradients[1].values() if g is not None), default=1.0)
    for name, gradient in gradients[1].items():
        other = gradients[0][name]
        if (gradient is None) != (other is None):
            return f"`{name}` gets {'a' if other is not None else 'no'} gradient", name.rpartition(
                "."
            )[0]
        if gradient is not None and other is not None:
            off = float((gradient.to_dense() - other.to_dense()).abs().max())
            if off > 1e-5 * scale:
                return f"the gradient of `{name}` differs", name.rpartition(".")[0]
    return "", ""


def _keeping(name: str, found: dict[str, torch.Tensor]) -> Any:
    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        value = output[0] if isinstance(output, tuple) else output
        if isinstance(value, torch.Tensor) and name not in found:
            found[name] = value

    return keep


def _off(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape:
        return True
    if not b.is_floating_point():
        return not torch.equal(a, b)
    if not bool(torch.isfinite(a).all()) and bool(torch.isfinite(b).all()):
        return True
    return float((a - b).abs().max()) > _LARGEST * max(float(b.abs().max()), 1e-6)
