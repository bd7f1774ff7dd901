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
            tensor.copy_(torch.tensor(tensors[name]))
