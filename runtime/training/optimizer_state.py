"""The state of an optimizer as named tensors and plain JSON, and back.

torch numbers parameters by their order; here they bear their state_dict keys, so that a
checkpoint can be read without the code that wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def flatten(
    optimizer: torch.optim.Optimizer, names: Mapping[torch.Tensor, str]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors by `<parameter>.<key>`, and what is no tensor. `names` gives the
    state_dict key of each parameter."""
    order = [names[p] for group in optimizer.param_groups for p in group["params"]]
    packed = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    values: dict[str, dict[str, Any]] = {}
    for index, entries in packed["state"].items():
        for key, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{order[index]}.{key}"] = value
            else:
                values.setdefault(order[index], {})[key] = value
    groups = [
        {**group, "params": [order[index] for index in group["params"]]}
        for group in packed["param_groups"]
    ]
    return tensors, {"values": values, "groups": groups}


def unflatten(
    optimizer: torch.optim.Optimizer,
    names: Mapping[torch.Tensor, str],
    tensors: Mapping[str, Any],
    rest: Mapping[str, Any],
) -> None:
    """Puts a flattened state back; a ValueError where it is of other parameters."""
    order = [names[p] for group in optimizer.param_groups for p in group["params"]]
    index = {name: place for place, name in enumerate(order)}
    if [name for group in rest["groups"] for name in group["params"]] != order:
        raise ValueError("the optimizer's state is of other parameters")
    state: dict[int, dict[str, Any]] = {}
    for name, array in tensors.items():
        owner, _, key = name.rpartition(".")
        state.setdefault(index[owner], {})[key] = torch.tensor(array)
    for owner, entries in rest["values"].items():
        state.setdefault(index[owner], {}).update(entries)
    groups = []
    for group, here in zip(rest["groups"], optimizer.state_dict()["param_groups"], strict=True):
        restored = {
            # JSON has no tuples: betas come back as a list.
            key: tuple(value) if isinstance(value, list) and key != "params" else value
            for key, value in group.items()
        }
        groups.append({**restored, "params": here["params"]})
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def use_fused(optimizer: torch.optim.Optimizer) -> None:
    """One kernel for all parameters, where the module leaves the choice to torch."""
    for group in optimizer.param_groups:
        if "fused" in group and group["fused"] is None and not group.get("foreach"):
            group["fused"] = True
