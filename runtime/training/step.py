"""One optimizer step: forward, backward, penalties, clipping, update."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch

from dlc.compiler.components.sections.train import Train
from dlc.runtime.device import is_out_of_memory, release_memory
from dlc.runtime.training.engine.execution import Execution
from dlc.runtime.training.guard import Guard
from dlc.runtime.training.samples import Take
from dlc.runtime.training.world import ALONE, World

Tensors = dict[str, torch.Tensor]


class Done(NamedTuple):
    """What a step gives: the loss of its samples, still on the device, and the outputs and
    targets of the `rows` samples that were computed last."""

    loss: torch.Tensor
    outputs: Tensors
    targets: Tensors
    rows: int


class Step:
    """Calls as `step(take, first, end, batch_size)`.

    Samples past `batch_size` are further batches whose gradients are averaged into the
    same step, each by its number of samples; so are the parts of a batch that is computed
    about `micro_batch` samples at a time. Nothing here waits for the device, but an
    optimizer whose `step` needs a closure: that evaluates the loss as often as it likes, and
    the loss that is given is the first. `norm` is that of all gradients, before it was
    clipped, in the last step that was told to `watch_norm` beforehand.
    """

    def __init__(
        self,
        *,
        execution: Execution,
        loss: Callable[[Tensors, Tensors], torch.Tensor],
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        train: Train,
        penalty: Callable[[torch.nn.Module], torch.Tensor] | None = None,
        constrain: Callable[[torch.nn.Module], None] | None = None,
        batch_statistics: bool = False,
        world: World = ALONE,
    ) -> None:
        self.execution = execution
        self.model = execution.model
        self.world = world
        #: What a pass calls: the model, or what exchanges its gradients with other ranks.
        self.joined: torch.nn.Module = self.model
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.parameters = list(self.model.parameters())
        self.penalty = penalty
        self.constrain = constrain
        self.clip_norm = train.clip_grad_norm
        self.clip_value = train.clip_grad_value
        #: Leaves steps undone whose loss or gradients are not finite.
        self.guard: Guard | None = None
        if train.on_nan == "skip":
            self.guard = Guard(self.model, optimizer, world)
        self.watch_norm = True
        self.norm: torch.Tensor | None = None
        self.evaluates = evaluates_loss(optimizer)
        self.micro_batch = execution.choices.micro_batch
        #: Whether memory was short for it.
        self.shortened = False
        self.least = 2 if batch_statistics else 1
        self.scaler = execution.scaler()
        #: Steps that fp16 left out because a gradient was not finite, on the device.
        self.skipped: torch.Tensor | None = None
        #: Told how many samples are computed at once from now on.
        self.on_fewer: Callable[[int], None] = lambda size: None

    def __call__(self, take: Take, first: int, end: int, batch_size: int) -> Done:
        if self.guard is not None:
            self.guard.begin()
        if self.evaluates:
            return self._evaluated(take, first, end, batch_size)
        done = self._fitting(take, first, end, batch_size)
        return done._replace(loss=self.update(done.loss))

    def _fitting(self, take: Take, first: int, end: int, batch_size: int) -> Done:
        """The gradients, of fewer samples at once where the memory does not hold as many. What
        the pass that failed drew and added to running statistics stays as it is."""
        while True:
            try:
                return self.gradients(take, first, end, batch_size)
            except RuntimeError as error:
                fewer = self._fewer(min(batch_size, end - first))
                if fewer is None or not is_out_of_memory(error):
                    raise
            # Not before here are the tensors of the failed pass gone with its error.
            self.optimizer.zero_grad(set_to_none=True)
            release_memory(self.execution.device)
            self.micro_batch, self.shortened = fewer, True
            self.on_fewer(fewer)

    def _fewer(self, size: int) -> int | None:
        """How many samples at once are to be tried next; None where there is nothing to try.
        Ranks would have to agree on it, and one of them has no memory."""
        now = min(self.micro_batch or size, size)
        return max(now // 2, self.least) if now > self.least and self.world.size == 1 else None

    # ── gradients ────────────────────────────────────────────────────────────

    def gradients(self, take: Take, first: int, end: int, batch_size: int) -> Done:
        """Adds the gradients of the samples' loss to those that are there."""
        total: torch.Tensor | None = None
        usual = -(-batch_size // self._count(batch_size))
        for start, stop in self._parts(first, end, batch_size):
            inputs, targets = take(start, stop)
            with self.world.exchanging(self.joined, last=stop == end):
                outputs, loss = self._forward(inputs, targets, whole=stop - start == usual)
                if stop - start < end - first:
                    loss = loss * ((stop - start) / (end - first))
                self._backward(loss)
            part = loss.detach()
            total = part if total is None else total + part
        assert total is not None
        return Done(total, outputs, targets, stop - start)

    def _parts(self, first: int, end: int, batch_size: int) -> Iterator[tuple[int, int]]:
        for start in range(first, end, batch_size):
            size = min(batch_size, end - start)
            count = self._count(size)
            for part in range(count):
                yield start + size * part // count, start + size * (part + 1) // count

    def _count(self, size: int) -> int:
        """In how many parts a batch is computed; nearly equal ones, so that none is of a
        single sample where that has no statistics."""
        if self.micro_batch is None:
            return 1
        return max(min(-(-size // self.micro_batch), size // self.least), 1)

    def _forward(
        self, inputs: Tensors, targets: Tensors, *, whole: bool
    ) -> tuple[Tensors, torch.Tensor]:
        outputs = self.execution.outputs(self.joined, inputs, whole=whole)
        return outputs, self.loss(outputs, targets)

    def _backward(self, loss: torch.Tensor) -> None:
        if self.scaler is not None:
            loss = self.scaler.scale(loss)
        loss.backward()  # type: ignore[no-untyped-call]

    # ── update ───────────────────────────────────────────────────────────────

    def update(self, loss: torch.Tensor) -> torch.Tensor:
        """Adds the gradients of the penalties to those that are there, changes the weights by
        them, and removes them. Gives the loss, NaN where the batch was left out."""
        if self.penalty is not None:
            # A backward pass of its own: the loss that is reported has no penalties.
            self._backward(self.penalty(self.world.readable(self.model)))
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        self._clip()
        if self.scaler is not None:
            # It leaves out what is not finite by itself.
            self._scaled_step(self.scaler)
            if self.guard is not None:
                loss = self.guard.keep_buffers(loss)
        elif self.guard is not None:
            loss = self.guard.step(loss)
        else:
            self.optimizer.step()
        self._stepped()
        return loss

    def _clip(self) -> None:
        if self.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self.parameters, self.clip_value)
        if self.clip_norm is not None:
            self.norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        elif self.watch_norm:
            gradients = [p.grad for p in self.parameters if p.grad is not None]
            self.norm = torch.nn.utils.get_total_norm(gradients)
        self.watch_norm = False

    def _scaled_step(self, scaler: torch.amp.GradScaler) -> None:
        one = torch.ones((), device=self.execution.device)
        before = scaler.scale(one)
        scaler.step(self.optimizer)
        scaler.update()
        # The scale shrinks when a step is left out, and only then.
        lower = scaler.scale(one) < before
        self.skipped = lower.to(torch.int64) if self.skipped is None else self.skipped + lower

    def _stepped(self) -> None:
        if self.scaler is None:
            self.schedule.step()
        else:
            with warnings.catch_warnings():
                # A step that fp16 left out is one of the schedule all the same.
                warnings.filterwarnings(
                    "ignore", "Detected call of `lr_scheduler.step", UserWarning
                )
                self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.constrain is not None:
            self.constrain(self.world.local(self.model))

    # ── optimizers that evaluate the loss themselves ─────────────────────────

    def _evaluated(self, take: Take, first: int, end: int, batch_size: int) -> Done:
        """The step of an optimizer that calls the loss itself: torch's LBFGS with gradients,
        and with `closure(backward=False)` one that takes the derivatives by itself."""
        shares: list[tuple[float, Tensors, Tensors]] = []
        rows = 0
        for start, stop in self._parts(first, end, batch_size):
            shares.append(((stop - start) / (end - first), *take(start, stop)))
            rows = stop - start
        seen: list[tuple[torch.Tensor, Tensors]] = []

        def closure(backward: bool = True) -> torch.Tensor:
            if backward:
                self.optimizer.zero_grad(set_to_none=True)
            total: torch.Tensor | None = None
            outputs: Tensors = {}
            for number, (share, inputs, targets) in enumerate(shares, 1):
                with self.world.exchanging(self.joined, last=number == len(shares)):
                    outputs, loss = self._forward(inputs, targets, whole=False)
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

        if self.guard is None:
            self.optimizer.step(closure)  # type: ignore[arg-type]
            loss = seen[0][0]
        else:
            loss = self.guard.evaluate(closure, lambda: seen[0][0])
        self._stepped()
        return Done(loss, seen[0][1], shares[-1][2], rows)

    # ── state ────────────────────────────────────────────────────────────────

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain JSON: the scale of fp16, skipped steps, and how many
        samples are computed at once where memory was short."""
        found: dict[str, Any] = {}
        if self.scaler is not None:
            found |= {"scaler": self.scaler.state_dict(), "skipped": self.skipped_steps}
        if self.shortened:
            found["micro_batch"] = self.micro_batch
        return found

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""
        if self.scaler is not None and "scaler" in state:
            self.scaler.load_state_dict(dict(state["scaler"]))
            device = self.execution.device
            self.skipped = torch.tensor(state["skipped"], dtype=torch.int64, device=device)
        # Of several ranks each computes a part of it.
        if "micro_batch" in state and self.world.size == 1:
            self.micro_batch, self.shortened = state["micro_batch"], True

    @property
    def skipped_steps(self) -> int:
        """How many steps fp16 left out; waits for the device."""
        return 0 if self.skipped is None else int(self.skipped)


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
