"""The state of an optimizer as named tensors and plain JSON, and back.

torch numbers parameters by their order; here they bear their state_dict keys, so that a
checkpoint can be read without the code that wrote it. What an optimizer holds once for all
parameters, as L-BFGS does, torch keeps with the first, and so do we; of a list the tensors
are `<parameter>.<key>[<place>]`, and the rest is JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from dlc.runtime.training.weights import divided_like

_ITEM = re.compile(r"(.+)\[(\d+)\]\Z")


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
            elif isinstance(value, list):
                held = {i: item for i, item in enumerate(value) if isinstance(item, torch.Tensor)}
                tensors |= {f"{order[index]}.{key}[{i}]": item for i, item in held.items()}
                plain = [None if i in held else item for i, item in enumerate(value)]
                values.setdefault(order[index], {})[key] = plain
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
    owners = {name: parameter for parameter, name in names.items()}
    if [name for group in rest["groups"] for name in group["params"]] != order:
        raise ValueError("the optimizer's state is of other parameters")
    state: dict[int, dict[str, Any]] = {}
    for owner, entries in rest["values"].items():
        # A copy: the items of lists are put in below.
        state[index[owner]] = {k: list(v) if isinstance(v, list) else v for k, v in entries.items()}
    for name, array in tensors.items():
        owner, _, key = name.rpartition(".")
        entries = state.setdefault(index[owner], {})
        tensor = torch.tensor(array)
        if tensor.shape == owners[owner].shape:
            tensor = _laid_out_like(owners[owner], divided_like(owners[owner], tensor))
        if item := _ITEM.match(key):
            entries[item[1]][int(item[2])] = tensor
        else:
            entries[key] = tensor
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


def _laid_out_like(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The same values in the memory format of the parameter: fused optimizers go through both
    by their places in memory."""
    if value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
