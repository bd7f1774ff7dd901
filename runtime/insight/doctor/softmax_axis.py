"""What each softmax runs over: never the batch, and in a given module what the spec says.

Every softmax that a pass computes is seen, in PyTorch's own dispatch, whatever writes it. It runs
over the batch where the size of its dim follows the number of samples.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from dlc.runtime.insight.doctor.base import BATCH, Patient, Verdict, seeded, skipped, verdict

NAME = "softmax axis"
ORDER = 58

_OTHER = 5
_KINDS = ("_softmax", "_log_softmax", "_safe_softmax")


@dataclass(frozen=True, kw_only=True)
class _Softmax:
    """One that was computed: over which dim of what, and the layer that was run before it."""

    shape: tuple[int, ...]
    dim: int
    behind: str

    @property
    def over(self) -> int:
        return self.shape[self.dim] if self.shape else 1

    @property
    def axis(self) -> tuple[int, int]:
        return len(self.shape), self.dim


def obstacle(patient: Patient) -> str:
    return ""


def check(patient: Patient) -> Verdict:
    this = sys.modules[__name__]
    found = _softmaxes(patient, patient.module, BATCH)
    others = _softmaxes(patient, patient.module, _OTHER)
    if not found and patient.reference is None:
        return skipped(this, "the network has no softmax of its own")
    problem, layer = "", ""
    for number, (one, other) in enumerate(zip(found, others, strict=False), 1):
        if one.over != other.over and (one.over, other.over) == _following(one.over):
            problem, layer = f"{_told(one, number)} runs over the batch", one.behind
            break
    if not problem and patient.reference is not None:
        problem, layer = _against(found, _softmaxes(patient, patient.reference, BATCH))
    return verdict(
        this,
        good=not problem,
        figure=problem or f"none of {len(found)} runs over the samples",
        line="the dim of the spec",
        remedy="a softmax shares 1 among the entries of its dim: over the batch, samples compete "
        "with each other; give it the dim of the classes, which is the last mostly",
        layer=layer,
    )


def _following(size: int) -> tuple[int, int]:
    """The sizes of a dim of as many entries, where it grows with the batch."""
    return size, size // BATCH * _OTHER


def _told(one: _Softmax, number: int) -> str:
    behind = f", behind `{one.behind}`," if one.behind else ""
    return f"softmax {number}{behind} over dim {one.dim} of {list(one.shape)}"


def _against(found: list[_Softmax], expected: list[_Softmax]) -> tuple[str, str]:
    for number, (one, other) in enumerate(zip(found, expected, strict=False), 1):
        if one.axis != other.axis:
            return f"{_told(one, number)}: the spec has it over dim {other.dim}", one.behind
    if len(found) != len(expected):
        return f"there are {len(found)}, and {len(expected)} in the spec", ""
    return "", ""


def _softmaxes(patient: Patient, module: ModuleType, size: int) -> list[_Softmax]:
    model = patient.fresh(module=module)
    inputs, _ = patient.batch(size)
    found: list[_Softmax] = []
    with seeded(patient.seed), torch.no_grad(), _passed(model) as passed, _Watch(passed, found):
        model(**inputs)
    return found


@contextmanager
def _passed(model: nn.Module) -> Iterator[list[str]]:
    """The names of the layers, as a pass leaves them behind."""
    names: list[str] = []

    def noting(name: str) -> Any:
        return lambda module, inputs, output: names.append(name)

    handles = [
        layer.register_forward_hook(noting(name))
        for name, layer in model.named_modules()
        if name and not any(True for _ in layer.children())
    ]
    try:
        yield names
    finally:
        for handle in handles:
            handle.remove()


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds each softmax that is computed within it to `found`."""

    def __init__(self, passed: list[str], found: list[_Softmax]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.passed = passed
        self.found = found

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func._schema.name.removeprefix("aten::") in _KINDS:
            shape = tuple(args[0].shape)
            self.found.append(
                _Softmax(
                    shape=shape,
                    dim=args[1] % max(len(shape), 1),
                    behind=self.passed[-1] if self.passed else "",
                )
            )
        return func(*args, **(kwargs or {}))
