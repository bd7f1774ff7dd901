"""The weights of a torch model as named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def owned_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by state_dict key, shared ones once, under the first name."""
    seen: set[int] = set()
    owned = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            owned[name] = tensor.detach()
    return owned


def load_tensors(model: torch.nn.Module, tensors: Mapping[str, Any]) -> None:
    """Copies arrays into a model; a ValueError where names or shapes differ."""
    owned = owned_tensors(model)
    different = set(owned) ^ set(tensors)
    if different:
        raise ValueError(f"`{sorted(different)[0]}` is in one of checkpoint and network only")
    with torch.no_grad():
        for name, tensor in owned.items():
            if tuple(tensors[name].shape) != tuple(tensor.shape):
                raise ValueError(f"`{name}` has another shape in the checkpoint")
            tensor.copy_(divided_like(tensor, torch.as_tensor(tensors[name])))


def divided_whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that is divided over the ranks, whole again."""
    whole: torch.Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return whole


def divided_like(like: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A whole tensor divided over the ranks as another is; the same tensor where that is not."""
    mesh = getattr(like, "device_mesh", None)
    if mesh is None:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    # Every rank has read it all: nothing is sent.
    return distribute_tensor(value.to(like.device), mesh, like.placements, src_data_rank=None)
