"""Tensors of a weights file copied into a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch

from dlc.compiler.codegen.identifiers import module_path
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.source import Span
from dlc.compiler.transfer.plan import Fill, Plan
from dlc.compiler.transfer.shapes import order_of
from dlc.runtime.failures import failure, shown
from dlc.runtime.transfer.files import WeightsFile

_TYPES: Final[Mapping[str, torch.dtype]] = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}


@torch.no_grad()
def copy_weights(
    plan: Plan, file: WeightsFile, module: torch.nn.Module, place: Span | None = None
) -> tuple[Diagnostic, ...]:
    """Copies what a plan without errors says; only the tensors it names are read.

    Gives a warning W0704 for tensors that differ in the file and are one weight here.
    Raises `Failure` E0610 for numbers that are no weights (NaN, infinite), E0611.
    """
    ours = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, fill in plan.fills.items():
        ours[module_path(name)].copy_(_made(fill, file, plan.network.tensors[name].shape))
    different = []
    for owner, twin in plan.twins:
        kept = ours[module_path(owner)]
        made = _made(twin, file, plan.network.tensors[owner].shape)
        if not torch.equal(kept, made.to(kept)):
            different.append(_untied(owner, twin, plan, place))
    return tuple(different)


def _made(fill: Fill, file: WeightsFile, shape: tuple[int, ...]) -> torch.Tensor:
    """One of ours from its tensors of the file."""
    tensors = [_tensor(name, file) for name in fill.sources]
    if fill.steps is None:
        return tensors[0]
    return apply(fill.steps, tensors, shape)


def apply(steps: Rename, tensors: list[torch.Tensor], shape: tuple[int, ...]) -> torch.Tensor:
    """The steps of an entry on tensors; `shape` is what `reshape` gives."""
    turned = []
    for tensor in tensors:
        order = order_of(steps, tensor.ndim)
        turned.append(tensor if order is None else tensor.permute(order))
    made = turned[0] if steps.concat is None else torch.cat(turned, steps.concat)
    if steps.chunk is not None:
        index, count = steps.chunk
        size = made.shape[steps.dim] // count
        made = made.narrow(steps.dim, index * size, size)
    return made.reshape(shape) if steps.reshape else made


def _tensor(name: str, file: WeightsFile) -> torch.Tensor:
    stored = file.tensors[name]
    dtype = _TYPES[stored.code]
    if not stored.elements:
        return torch.empty(stored.shape, dtype=dtype)
    flat = torch.frombuffer(file.read(name), dtype=dtype if dtype != torch.bool else torch.uint8)
    tensor = (flat != 0 if dtype == torch.bool else flat).reshape(stored.shape)
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise failure(
            "E0610",
            f"`{name}` in `{shown(file.path)}` holds NaN or infinite numbers",
            help=f"the weights are broken; to leave this one out: `rename: {{{name}: null}}`",
        )
    return tensor


def _untied(owner: str, twin: Fill, plan: Plan, place: Span | None) -> Diagnostic:
    used = plan.fills[owner].sources if owner in plan.fills else ()
    span = twin.rule.span if twin.rule is not None else None
    span = span if span is not None else place
    theirs = ", ".join(f"`{name}`" for name in twin.sources)
    return Diagnostic(
        code("W0704"),
        f"{theirs} would be `{twin.name}`, which is `{owner}` here, and holds other numbers than "
        + ", ".join(f"`{name}`" for name in used),
        Label(span) if span is not None else None,
        help="these numbers are left out; without the tie in the spec both would be kept",
    )
