"""The network as ONNX against PyTorch, with weights that were never trained.

What `dlc export` proves of a trained network, found before the training: a layer that ONNX cannot
express, or that onnxruntime computes in another way, costs no run then.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.runtime.failures import Failure
from dlc.runtime.insight.doctor.base import Patient, Verdict, seeded, skipped, verdict

if TYPE_CHECKING:
    from dlc.runtime.export.exporter import Exported

NAME = "onnx parity"
ORDER = 80

_PACKAGES = ("onnx", "onnxruntime")
_DIFFERS = "E0601"


def obstacle(patient: Patient) -> str:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return f"`{missing[0]}` is not installed"
    if patient.reference is not None and _names(patient.fresh()) != _names(
        patient.fresh(module=patient.reference)
    ):
        return "the module has other parameters than the spec"
    return ""


def check(patient: Patient) -> Verdict:
    this = sys.modules[__name__]
    try:
        with tempfile.TemporaryDirectory(prefix="dlc-doctor-") as folder:
            found = _export(patient, Path(folder))
    except (Failure, DiagnosticError) as error:
        said = error.diagnostic if isinstance(error, Failure) else error.diagnostics[0]
        if said.code.number != _DIFFERS:
            return skipped(this, f"it cannot be exported: {said.message} ({said.code.number})")
        return verdict(
            this,
            good=False,
            figure=said.notes[0] if said.notes else said.message,
            line="equal within rounding",
            remedy="with `--module`: the module computes something else than the spec; else it is "
            "a mistake of ours, please report it with the spec",
        )
    parity = found.parity
    worst = max((output.max_rel for output in parity.outputs.values()), default=0.0)
    return verdict(
        this,
        good=True,
        figure=f"off by {worst:.1e} at most, in {len(parity.kinds)} comparisons",
        line=f"{parity.tolerance.atol:g} + {parity.tolerance.rtol:g} of a number",
    )


def _export(patient: Patient, folder: Path) -> Exported:
    from dlc.runtime.export.exporter import Network, export_network

    model = patient.fresh()
    with seeded(patient.seed):
        _unlike(model)
    network = Network(compilation=patient.compilation, module=model)
    return export_network(network, folder / "model.onnx", precision="float32")


def _unlike(model: nn.Module) -> None:
    """Takes apart what starts with equal numbers: a scale of 1, a bias or a whole branch of 0, and
    running statistics that do nothing would hide what is done with them."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point() and tensor.numel() > 1 and bool(_is_constant(tensor)):
                tensor += 0.1 * torch.rand_like(tensor)


def _is_constant(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.min() == tensor.max()


def _names(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
