"""A step that a batch without a finite loss or gradient leaves undone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch

from dlc.runtime.training.world import World


class Guard:
    """Undoes a step on the device: nothing waits to learn whether the batch was good.

    What a step changes (parameters, buffers, the state of the optimizer) is copied beforehand
    and chosen afterwards by a flag, which is the same on all ranks. An optimizer counts only
    the steps that it made; schedules and averages count every batch.

    The host must know the flag, once, before an optimizer makes a parameter's first state, and
    in every step of an optimizer that keeps numbers outside the device or evaluates the loss
    by itself.
    """

    def __init__(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, world: World
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.world = world
        self._stepped: set[torch.Tensor] = set()
        self._on_host = False
        self._buffers: list[tuple[torch.Tensor, torch.Tensor]] = []

    def begin(self) -> None:
        """Before the forward pass, which changes the buffers."""
        self._buffers = _copies(self.model.buffers())

    def step(self, loss: torch.Tensor) -> torch.Tensor:
        """Steps the optimizer where the loss and all gradients are finite. Gives the loss, NaN
        where the batch was left out."""
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        moving = [p for p in parameters if p.grad is not None]
        good = self._good([loss, *(p.grad for p in moving)])
        new = [p for p in moving if p not in self._stepped]
        if new or self._on_host:
            # On the CPU this costs nothing; on a device it waits.
            if bool(good):
                self.optimizer.step()
                self._stepped.update(new)
                self._on_host = not all(self._beside(p) for p in moving)
            _choose(good, self._buffers)
        else:
            before = _copies([*moving, *self._state(moving)])
            self.optimizer.step()
            _choose(good, [*before, *self._buffers])
        return torch.where(good, loss, torch.nan)

    def keep_buffers(self, loss: torch.Tensor) -> torch.Tensor:
        """The same where the optimizer's step was left out by another: only the buffers are put
        back."""
        good = self._good([loss])
        _choose(good, self._buffers)
        return torch.where(good, loss, torch.nan)

    def evaluate(
        self, closure: Callable[..., torch.Tensor], seen: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The same for an optimizer that calls the loss itself; `seen` is the first loss."""
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        before = _copies(parameters)
        state = {p: copy.deepcopy(kept) for p, kept in self.optimizer.state.items()}
        self.optimizer.step(closure)  # type: ignore[arg-type]
        loss = seen()
        good = self._good([loss, *parameters])
        _choose(good, [*before, *self._buffers])
        if not bool(good):
            self.optimizer.state.clear()
            self.optimizer.state.update(state)
        return torch.where(good, loss, torch.nan)

    def _good(self, tensors: Iterable[Any]) -> torch.Tensor:
        flags = [torch.isfinite(_local(tensor)).all() for tensor in tensors]
        # A sum would overflow where every number is finite.
        return self.world.averaged(torch.stack(flags).all().float()) == 1.0

    def _state(self, moving: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        kept = (self.optimizer.state.get(p, {}).values() for p in moving)
        return [value for values in kept for value in values if isinstance(value, torch.Tensor)]

    def _beside(self, parameter: torch.Tensor) -> bool:
        """Whether all that the optimizer keeps of a parameter is on its device."""
        return all(
            value is None or (isinstance(value, torch.Tensor) and value.device == parameter.device)
            for value in self.optimizer.state.get(parameter, {}).values()
        )


def _local(tensor: Any) -> torch.Tensor:
    """The numbers of a tensor that are here: a rank's own, and of a sparse one those stored."""
    local = tensor.detach()
    if hasattr(local, "to_local"):
        local = local.to_local()
    values: torch.Tensor = local.coalesce().values() if local.is_sparse else local
    return values


def _copies(tensors: Iterable[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(local, local.clone()) for local in map(_local, tensors)]


def _choose(good: torch.Tensor, changed: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Keeps what changed where `good`, else what was before."""
    with torch.no_grad():
        for now, before in changed:
            now.copy_(torch.where(good, now, before))
