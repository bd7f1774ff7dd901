"""What of a network and of a machine decides on speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from dlc.compiler.analysis.cost import BATCH, cost
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbols
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import TensorType
from dlc.runtime.training.plan import Plan

_CONVOLUTIONS = ("conv2d", "conv_transpose2d")


@dataclass(frozen=True, kw_only=True)
class Traits:
    """`macs` are the multiply-accumulates of a batch's forward pass; `images` says that there
    are 2-D convolutions, `static` that no size but the batch's changes from step to step, `steady`
    that the network itself does not: neither what is frozen nor a rate of dropout; `alike` that
    the passes of steps do the same at all."""

    macs: int
    images: bool
    static: bool
    steady: bool = True
    alike: bool = True


def traits_of(
    plan: Plan,
    model: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor],
    batch_size: int,
    *,
    alike: bool,
) -> Traits:
    """The traits of a plan for batches such as `inputs`. Where the sizes of a layer are not to
    be had, its work is guessed from the parameters, of which each sample uses every one once."""
    program = plan.program
    macs = None if program is None else _macs(program, sizes_of(plan.inputs, inputs), batch_size)
    if macs is None:
        macs = sum(p.numel() for p in model.parameters()) * batch_size
    kinds = set() if program is None else {node.kind for _, _, node in program.walk()}
    images = not kinds.isdisjoint(_CONVOLUTIONS)
    return Traits(
        macs=macs, images=images, static=is_static(plan), steady=_steady(plan), alike=alike
    )


def _steady(plan: Plan) -> bool:
    transfer = plan.settings.transfer
    frozen = transfer is not None and bool(transfer.freeze)
    return not (frozen or plan.settings.train.dropout)


def is_static(plan: Plan) -> bool:
    """Whether no size but the batch's changes from step to step."""
    types = [*plan.inputs.values(), *plan.targets.values()]
    return {name for type in types for size in type.shape for name in symbols(size)} <= {BATCH}


def sizes_of(
    types: Mapping[str, TensorType], tensors: Mapping[str, torch.Tensor]
) -> dict[str, int]:
    """The sizes by their names, as the tensors have them; the batch's is left out."""
    found: dict[str, int] = {}
    for name, tensor in tensors.items():
        for size, actual in zip(types[name].shape, tensor.shape, strict=False):
            for symbol in symbols(size):
                if symbol == str(size) and symbol != BATCH:
                    found[symbol] = max(actual, found.get(symbol, 0))
    return found


def _macs(program: Program, sizes: Mapping[str, int], batch_size: int) -> int | None:
    try:
        return cost(program, sizes).macs * batch_size
    except DiagnosticError:
        return None


def has_fast_bf16(device: torch.device) -> bool:
    """Whether products in bf16 are computed as such: NVIDIA's from compute capability 8.0 on,
    CPUs with AVX-512 BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return _cpu_has("avx512_bf16") or _cpu_has("amx_tile")
    return False


def _cpu_has(feature: str) -> bool:
    # torch has no public name for it; without this one, the answer is no.
    asks = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return bool(asks()) if asks is not None else False
