"""One optimizer step: forward, backward, penalties, clipping, update."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from dlc.compiler.components.sections.train import Train
from dlc.runtime.training.samples import Take
from dlc.runtime.training.world import ALONE, World

Tensors = dict[str, torch.Tensor]


class Step:
    """Calls as `step(take, first, end, batch_size)`; gives the loss of the samples, still
    on the device, and the outputs and targets of the last batch.

    Samples past `batch_size` are further batches whose gradients are averaged into the
    same step, each by its number of samples. Nothing here waits for the device, but an
    optimizer whose `step` needs a closure: that evaluates the loss as often as it likes, and
    the loss that is given is the first. `norm` is that of all gradients, before it was
    clipped, in the last step that was told to `watch_norm` beforehand.
    """

    def __init__(
        self,
        *,
        model: torch.nn.Module,
        loss: Callable[[Tensors, Tensors], torch.Tensor],
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        train: Train,
        device: torch.device,
        penalty: Callable[[torch.nn.Module], torch.Tensor] | None = None,
        constrain: Callable[[torch.nn.Module], None] | None = None,
        bf16: bool = False,
        world: World = ALONE,
    ) -> None:
        self.model = model
        self.world = world
        #: What a pass calls: the model, or what exchanges its gradients with other ranks.
        self.joined: torch.nn.Module = model
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.device_type = device.type
        self.bf16 = bf16
        self.parameters = list(model.parameters())
        self.penalty = penalty
        self.constrain = constrain
        self.clip_norm = train.clip_grad_norm
        self.clip_value = train.clip_grad_value
        self.watch_norm = True
        self.norm: torch.Tensor | None = None
        self.evaluates = evaluates_loss(optimizer)

    def __call__(
        self, take: Take, first: int, end: int, batch_size: int
    ) -> tuple[torch.Tensor, Tensors, Tensors]:
        if self.evaluates:
            return self._evaluated(take, first, end, batch_size)
        if end - first <= batch_size:
            inputs, targets = take(first, end)
            outputs, loss = self._forward(inputs, targets)
            loss.backward()  # type: ignore[no-untyped-call]
            total = loss.detach()
        else:
            total, outputs, targets = self._accumulate(take, first, end, batch_size)
        self.update()
        return total, outputs, targets

    def update(self) -> None:
        """Adds the gradients of the penalties to those that are there, changes the weights by
        them, and removes them."""
        if self.penalty is not None:
            # A backward pass of its own: the loss that is reported has no penalties.
            self.penalty(self.world.readable(self.model)).backward()  # type: ignore[no-untyped-call]
        if self.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self.parameters, self.clip_value)
        if self.clip_norm is not None:
            self.norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        elif self.watch_norm:
            gradients = [p.grad for p in self.parameters if p.grad is not None]
            self.norm = torch.nn.utils.get_total_norm(gradients)
        self.watch_norm = False
        self.optimizer.step()
        self._stepped()

    def _stepped(self) -> None:
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.constrain is not None:
            self.constrain(self.world.local(self.model))

    def _accumulate(
        self, take: Take, first: int, end: int, batch_size: int
    ) -> tuple[torch.Tensor, Tensors, Tensors]:
        total: torch.Tensor | None = None
        outputs: Tensors = {}
        targets: Tensors = {}
        for start in range(first, end, batch_size):
            stop = min(start + batch_size, end)
            inputs, targets = take(start, stop)
            with self.world.exchanging(self.joined, last=stop == end):
                outputs, loss = self._forward(inputs, targets)
                loss = loss * ((stop - start) / (end - first))
                loss.backward()  # type: ignore[no-untyped-call]
            part = loss.detach()
            total = part if total is None else total + part
        assert total is not None
        return total, outputs, targets

    def _evaluated(
        self, take: Take, first: int, end: int, batch_size: int
    ) -> tuple[torch.Tensor, Tensors, Tensors]:
        """The step of an optimizer that calls the loss itself: torch's LBFGS with gradients,
        and with `closure(backward=False)` one that takes the derivatives by itself."""
        shares: list[tuple[float, Tensors, Tensors]] = []
        for start in range(first, end, batch_size):
            stop = min(start + batch_size, end)
            shares.append(((stop - start) / (end - first), *take(start, stop)))
        seen: list[tuple[torch.Tensor, Tensors]] = []

        def closure(backward: bool = True) -> torch.Tensor:
            if backward:
                self.optimizer.zero_grad(set_to_none=True)
            total: torch.Tensor | None = None
            outputs: Tensors = {}
            for number, (share, inputs, targets) in enumerate(shares, 1):
                with self.world.exchanging(self.joined, last=number == len(shares)):
                    outputs, loss = self._forward(inputs, targets)
                    part = _passed_back(loss if share == 1.0 else share * loss, backward)
                total = part if total is None else total + part
            assert total is not None
            if backward:
                # A search along a line must be the same on all ranks.
                total = self.world.averaged(total)
            if not seen:
                seen.append((total.detach(), outputs))
            if self.penalty is not None:
                total = total + _passed_back(
                    self.penalty(self.world.readable(self.model)), backward
                )
            return total

        self.optimizer.step(closure)  # type: ignore[arg-type]
        self._stepped()
        total, outputs = seen[0]
        return total, outputs, shares[-1][2]

    def _forward(self, inputs: Tensors, targets: Tensors) -> tuple[Tensors, torch.Tensor]:
        with self._precision():
            outputs: Tensors = self.joined(**inputs)
            return outputs, self.loss(outputs, targets)

    def _precision(self) -> AbstractContextManager[object]:
        if self.bf16:
            return torch.autocast(self.device_type, dtype=torch.bfloat16)
        return nullcontext()


def evaluates_loss(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer's step calls the loss itself, and cannot do without."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def _passed_back(loss: torch.Tensor, backward: bool) -> torch.Tensor:
    """A part of the loss, its gradients added up where they are wanted."""
    if not backward:
        return loss
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()
