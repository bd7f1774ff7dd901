"""Parameters divided over the ranks, block by block (FSDP2).

A block of the spec is a class of the generated module: its parameters are put together
before its forward pass and given back after it. Checkpoints hold whole tensors, in the form
of any other run, so that a run goes on with another number of ranks, undivided too.

Source: Zhao et al., "PyTorch FSDP" (2023); torch.distributed.fsdp.fully_shard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from dlc.runtime.training.weights import divided_whole

# What training holds of each parameter: itself, its gradient, and two moments.
_COPIES = 4
_SHARE_OF_FREE_MEMORY = 0.7


def is_needed(model: torch.nn.Module, free: int | None) -> bool:
    """Whether the parameters, with what training holds beside them, do not fit a device."""
    held = sum(p.nbytes for p in model.parameters()) * _COPIES
    return free is not None and held > free * _SHARE_OF_FREE_MEMORY


def shard(
    model: torch.nn.Module, device: torch.device, size: int, lent: Collection[str] = ()
) -> torch.nn.Module:
    """Divides the parameters in place. `lent` are the modules whose parameters others use:
    those stay with the whole network."""
    mesh = init_device_mesh(device.type, (size,))
    for unit in _units(model, lent):
        fully_shard(unit, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def _units(model: torch.nn.Module, lent: Collection[str]) -> Iterator[torch.nn.Module]:
    """The outermost blocks; of one that holds most of the network, those inside it."""
    generated = type(model).__module__
    most = _elements(model) / 2

    def is_block(module: torch.nn.Module) -> bool:
        return type(module).__module__ == generated

    def inside(parent: torch.nn.Module, prefix: str) -> Iterator[torch.nn.Module]:
        for name, child in parent.named_children():
            path = f"{prefix}{name}"
            if any(f"{other}.".startswith(f"{path}.") for other in lent):
                continue
            divides = any(is_block(m) for m in child.modules() if m is not child)
            if is_block(child) and not (divides and _elements(child) > most):
                if _elements(child):
                    yield child
            else:
                yield from inside(child, f"{path}.")

    yield from inside(model, "")


def _elements(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def exchange(model: torch.nn.Module, *, last: bool) -> None:
    """Whether the coming backward pass exchanges gradients."""
    assert isinstance(model, FSDPModule)
    model.set_requires_gradient_sync(last)


def whole(tensors: Mapping[str, Any], *, keep: bool) -> dict[str, Any]:
    """Divided tensors put together, on the host, one by one; nothing where not `keep`."""
    found = {}
    # In an order that all ranks have: one that read a file may have another.
    for name in sorted(tensors):
        full = divided_whole(tensors[name])
        if keep:
            found[name] = full.cpu()
    return found


class View:
    """A divided network as plain tensors, for what reads or changes its parameters by name."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model

    def seen(self, parameter: DTensor) -> torch.Tensor:
        raise NotImplementedError

    def named_parameters(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, parameter in self.model.named_parameters():
            yield name, self.seen(parameter) if isinstance(parameter, DTensor) else parameter

    def parameters(self) -> Iterator[torch.Tensor]:
        return (parameter for _, parameter in self.named_parameters())


class Local(View):
    """The rows that this rank holds, for what changes each row by itself."""

    def seen(self, parameter: DTensor) -> torch.Tensor:
        return parameter.to_local()


class Whole(View):
    """Whole parameters; gradients go back to the rows of each rank."""

    def seen(self, parameter: DTensor) -> torch.Tensor:
        return parameter.full_tensor()
