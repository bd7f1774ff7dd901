"""The training loop: steps, validations, checkpoints, and nothing that waits for the device.

Losses stay on the device and are read a few times a second, so that an accelerator
always has work queued; everything that decides the weights is a function of the seed,
the epoch and the step, so that a run resumed anywhere ends where it would have ended.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from dlc.runtime.augmentation.augmenter import Augmenter
from dlc.runtime.device import is_out_of_memory, used_bytes
from dlc.runtime.training import optimizer_state
from dlc.runtime.training.checkpoint import Checkpoint
from dlc.runtime.training.early_stopping import watch_of
from dlc.runtime.training.engine.blocks import not_compiled
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.execution import tf32
from dlc.runtime.training.feature_cache import Fed
from dlc.runtime.training.hooks import Hook, Hooks
from dlc.runtime.training.left_out import LeftOut, not_finite, not_finite_in
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.position import Position
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.rollback import Lost, Rollback
from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.samples import Epochs, Rows, Samples, Take
from dlc.runtime.training.short_memory import ShortMemory
from dlc.runtime.training.signals import Stop
from dlc.runtime.training.spikes import Spikes
from dlc.runtime.training.stepping import Network, step_of
from dlc.runtime.training.validation import add, measured, measures_of
from dlc.runtime.training.weights import divided_whole, load_tensors, owned_tensors
from dlc.runtime.training.world import ALONE, World


@dataclass(frozen=True, slots=True)
class _Pending:
    """A loss that is still on the device, and the batch that it belongs to."""

    loss: torch.Tensor
    epoch: int
    taken: int
    size: int


class Trainer:
    """Trains one network. `row_numbers` gives the row of the file for each sample,
    `labels` the names of the classes of a target; `saved` is the newest checkpoint's step."""

    def __init__(
        self,
        *,
        plan: Plan,
        model: torch.nn.Module,
        network: Network,
        samples: Samples,
        epochs: Epochs,
        validation: Rows,
        row_numbers: Rows,
        folder: RunFolder,
        progress: Progress,
        stop: Stop,
        choices: Choices,
        augmenter: Augmenter | None = None,
        hooks: Sequence[Hook] = (),
        labels: Mapping[str, Sequence[str]] | None = None,
        world: World = ALONE,
    ) -> None:
        settings = plan.settings
        self.world = world
        self.pulse = world.pulse(stop)
        self.plan = plan
        self.model = model
        self.network = network
        self.samples = samples
        self.augmenter = augmenter
        self.epochs = epochs
        self.validation = validation
        self.row_numbers = row_numbers
        self.folder = folder
        self.left_out = LeftOut(folder, settings.train)
        self.spikes = Spikes(folder, progress.say)
        self.hooks = Hooks([*hooks, self.left_out, self.spikes])
        self.progress = progress
        #: On several ranks not the signal that came, but what all of them agreed on.
        self.stop = self.pulse.stop
        self.at = Position()
        self.finished = ""
        self.figures: dict[str, float] = {}
        self.labels = labels or {}
        train = settings.train
        self.total = train.duration.in_steps(epochs.steps)
        self.validate_steps = train.validate_every.in_steps(epochs.steps)
        self.save_steps = train.checkpoint.every.in_steps(epochs.steps)
        self.watch = watch_of(plan) if len(validation) else None
        self.choices = choices
        self.step = step_of(
            plan,
            model,
            choices,
            network=network,
            device=samples.device,
            total_steps=self.total,
            steps_per_epoch=epochs.steps,
            world=world,
        )
        self.short = ShortMemory(self)
        self.step.on_fewer = self.short.fewer
        self.optimizer = self.step.optimizer
        self.schedule = self.step.schedule
        self.rollback = Rollback(self) if train.on_nan == "rollback" else None
        self._names: dict[torch.Tensor, str] = {p: n for n, p in model.named_parameters()}
        self._pending: list[_Pending] = []
        self._outputs: tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], int] | None = None
        self._read_at = time.monotonic()
        self._since = self._read_at
        self.records = folder.records()
        self._due = 0
        self.saved = 0
        self.fed: Fed | None = None

    def feed(self, fed: Fed) -> None:
        """Trains and validates a part of the model, on features that lead to it."""
        self.fed = fed
        self.step.joined = fed.model

    # ── the loop ─────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Trains until the end, an early stop, or a signal. Raises `Failure` E0609 for a
        loss that is not finite, E0611 where saving fails, E0615 where memory is short."""
        with self.session():
            while self.going:
                with self._returning():
                    self._epoch()

    @property
    def going(self) -> bool:
        """Whether there are steps to do."""
        return not self.finished and not self.stop.requested

    @contextmanager
    def session(self) -> Iterator[None]:
        """Around all steps that are done in one go."""
        self.model.train()
        if self.fed is None:
            self.step.joined = self.world.joined(self.model, self.plan)
        for hook in self.hooks.all:
            hook.began(self)
        self.progress.start(
            step=self.at.step,
            total_steps=self.total,
            steps_per_epoch=self.epochs.steps,
            folder=self.folder.path,
        )
        try:
            self._read_at = self._since = time.monotonic()
            self.pulse.rest(self.at.step)
            if self.rollback is not None:
                self.rollback.begin()
            with tf32(self.choices.tf32):
                yield
            # A signal may come after the last look at what is due.
            if self.stop.requested and self.saved != self.at.step:
                with self._returning():
                    self.save()
        except RuntimeError as error:
            if self.choices.compile != "no" and (failed := not_compiled(error)) is not None:
                raise failed from None
            if not is_out_of_memory(error):
                raise
            raise self.short.refusal() from None
        finally:
            self.progress.stop()

    @contextmanager
    def _returning(self) -> Iterator[None]:
        """Within it a run whose weights are lost goes back, where the spec asks for it."""
        try:
            yield
        except Lost as lost:
            assert self.rollback is not None
            self.rollback.back(lost)

    def _epoch(self) -> None:
        """The rest of the epoch under way, or as much of it as there is to do."""
        take, batch_size = self.open_epoch(), self.epochs.batch_size
        while True:
            first, end = self.span()
            if not self.took(end, *self.step(take, first, end, batch_size)):
                return

    def open_epoch(self) -> Take:
        """The batches of the epoch under way."""
        for hook in self.hooks.all:
            hook.epoch_began(self.at.epoch)
        order = self.epochs.order(self.at.epoch)
        if self.augmenter is not None:
            take = self.augmenter.in_order(order, self.at.epoch)
        else:
            take = (self.fed or self).samples.in_order(order, self.at.epoch)
        self._due = self._next_event()
        return self.world.taking(take)

    def span(self) -> tuple[int, int]:
        """The places of the samples that the next step takes, which is about to be made."""
        at = self.at
        if self.rollback is not None:
            self.rollback.look()
        for call in self.hooks.before_step:
            call(at.step)
        return at.taken, min(at.taken + self.epochs.group, self.epochs.usable)

    def took(
        self,
        end: int,
        loss: torch.Tensor,
        outputs: dict[str, torch.Tensor],
        targets: dict[str, torch.Tensor],
        rows: int | None = None,
    ) -> bool:
        """After a step up to the place `end`, with what it gave: outputs and targets of its last
        `rows`, of a batch by default; says whether the epoch goes on."""
        at, first = self.at, self.at.taken
        self._pending.append(_Pending(loss, at.epoch, first, end - first))
        if rows is None:
            rows = min(self.epochs.batch_size, end - first)
        self._outputs = (outputs, targets, rows)
        at.step += 1
        at.taken = end
        for call in self.hooks.after_step:
            call(at.step)
        if end == self.epochs.usable:
            at.epoch, at.taken = at.epoch + 1, 0
        if self.pulse.due(at.step):
            self._read()
        if at.step >= self._due or self.stop.requested or self.short.pending:
            self._event()
            if not self.going:
                return False
            self._due = self._next_event()
        return at.taken != 0

    def _next_event(self) -> int:
        """The next step after which something is due."""
        step = self.at.step
        return min(
            self.total,
            (step // self.validate_steps + 1) * self.validate_steps,
            (step // self.save_steps + 1) * self.save_steps,
        )

    def _event(self) -> None:
        step = self.at.step
        last = step >= self.total
        self.pulse.meet(step)
        self._read()
        save = last or step % self.save_steps == 0 or self.stop.requested or self.short.pending
        if last or step % self.validate_steps == 0:
            best = self._validate()
            save = save or best
            if last:
                self.finished = "finished"
            elif self.watch is not None and self.watch.exhausted:
                self.finished = "early_stopping"
        if save or self.finished:
            self.save()

    # ── what happened ────────────────────────────────────────────────────────

    def _read(self) -> None:
        """Fetches the losses since the last time; raises `Failure` E0609 for a bad one."""
        pending = self._pending
        if not pending:
            return
        values = self.world.mean(torch.stack([entry.loss for entry in pending]).tolist())
        first = self.at.step - len(pending) + 1
        total, seen = 0.0, 0
        for step, (entry, value) in enumerate(zip(pending, values, strict=True), first):
            if not math.isfinite(value):
                self._leave_out(entry, value, step)
                continue
            share = entry.size / self.epochs.group
            self.spikes.see(step, value, partial(self._rows, entry), share)
            total += value * entry.size
            seen += entry.size
            # One by one: the sum must not depend on when losses were read.
            self.at.loss += value * entry.size
        self.spikes.write()
        self.at.seen += seen
        now = time.monotonic()
        elapsed = max(now - self._read_at, 1e-9)
        self._read_at = now
        self.pulse.rest(self.at.step)
        pending.clear()
        figures = {"loss": total / seen if seen else math.nan, **self._batch_metrics()}
        if self.figures:
            figures |= {k: v for k, v in self.figures.items() if k != "val_loss"}
        self.progress.advance(
            step=self.at.step,
            samples_per_second=seen / elapsed,
            figures=figures,
            gauges=self._gauges(),
        )
        self.step.watch_norm = True

    def _gauges(self) -> dict[str, float]:
        found = {"lr": self.optimizer.param_groups[0]["lr"]}
        if self.step.norm is not None:
            found["grad_norm"] = float(divided_whole(self.step.norm))
        memory = used_bytes(self.samples.device)
        if memory is not None:
            found["memory"] = float(memory)
        return found

    def _batch_metrics(self) -> dict[str, float]:
        """The metrics of the last batch, with dropout: a sign of life, not a result."""
        if self._outputs is None or not self.plan.settings.metrics or not self.world.leads:
            return {}
        outputs, targets, rows = self._outputs
        if self.augmenter is not None:
            targets = self.augmenter.plain(targets)
        measures = measures_of(self.plan, self.labels)
        add(measures, outputs, targets, rows)
        return {name: value for name, value in measures.results().items() if name != "loss"}

    def _validate(self) -> bool:
        """Validates, writes a record, and says whether it is the best so far."""
        at = self.at
        record: dict[str, Any] = {
            "step": at.step,
            "epoch": at.epoch + round(at.taken / self.epochs.usable, 6),
            "loss": at.loss / max(at.seen, 1),
        }
        at.loss, at.seen = 0.0, 0
        best = False
        if len(self.validation):
            found = self.measure(self.validation)
            self.figures = {f"val_{name}": value for name, value in found.items()}
            record |= self.figures
            for hook in self.hooks.all:
                hook.validated(self.figures, at.step)
            if self.watch is not None:
                best = self.watch.see(self.figures, at.step)
        record["lr"] = self.optimizer.param_groups[0]["lr"]
        record["seconds"] = round(self.seconds(), 3)
        self.records.append(record)
        self.progress.validated(record, best=best)
        self._read_at = time.monotonic()
        return best

    def measure(self, rows: Rows) -> dict[str, float]:
        """Loss and metrics over the given rows, with the weights that the run would end with."""
        with ExitStack() as stack:
            # In float32 proper, whatever the steps are in: the figures are those of the file.
            stack.enter_context(tf32(False))
            for hook in self.hooks.all:
                stack.enter_context(hook.evaluating())
            fed = self.fed or self
            found = measured(
                fed.model,
                self.plan,
                fed.samples,
                rows,
                self.epochs.batch_size,
                self.labels,
                self.world,
            )
        return found.results()

    def seconds(self) -> float:
        """The time spent on the run so far, in all sessions."""
        return self.at.seconds + time.monotonic() - self._since

    def _leave_out(self, entry: _Pending, value: float, step: int) -> None:
        if self.rollback is not None and not self.rollback.guarded(step):
            raise Lost(step, f"the loss became {value} in step {step:,}")
        self.left_out.add(step, value, self._rows(entry))
        # Metrics of such outputs may be refused, and say nothing.
        self._outputs = None

    def _rows(self, entry: _Pending) -> list[int]:
        order = self.epochs.order(entry.epoch)
        end = entry.taken + entry.size
        places = self.samples.places(order, entry.taken, end, entry.epoch)
        return [int(row) for row in self.row_numbers[places]]

    # ── state ────────────────────────────────────────────────────────────────

    def save(self) -> None:
        """Saves a checkpoint and removes those that are no longer kept."""
        self._read()
        self.world.level(self.model)
        model = self.world.whole(owned_tensors(self.model))
        self.world.together(lambda: self._refuse_non_finite(model))
        tensors, rest = optimizer_state.flatten(self.optimizer, self._names)
        at = self.at
        early = self.plan.settings.train.early_stopping
        state = {
            "epoch": at.epoch,
            "taken": at.taken,
            "loss": at.loss,
            "seen": at.seen,
            "seconds": round(self.seconds(), 3),
            "finished": self.finished,
            "figures": {k: v if math.isfinite(v) else None for k, v in self.figures.items()},
            "best": self.watch.state() if self.watch is not None else {},
            "restore_best": early is not None and early.restore_best,
            "metrics_bytes": self.records.size,
            **self.world.random(self.samples.device),
            "optimizer": rest,
            "step_state": self.step.state(),
            "hooks": self.hooks.state(),
            "schedule": {
                key: value
                for key, value in self.schedule.state_dict().items()
                if key != "lr_lambdas"
            },
        }
        store = self.folder.checkpoints
        store.save(
            Checkpoint(
                step=at.step,
                model=model,
                optimizer=self.world.whole(tensors),
                averages=self.world.whole(self.hooks.tensors()),
                state=state,
            )
        )
        self.saved = at.step
        self.short.saved()
        best = self.watch.step if self.watch is not None else None
        store.prune(self.plan.settings.train.checkpoint.keep, best)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Goes back to a checkpoint; a ValueError where it is of another network."""
        state = checkpoint.state
        load_tensors(self.model, checkpoint.model)
        optimizer_state.unflatten(
            self.optimizer, self._names, checkpoint.optimizer, state["optimizer"]
        )
        schedule = {**self.schedule.state_dict(), **state["schedule"]}
        self.schedule.load_state_dict(schedule)
        self.step.restore(state.get("step_state", {}))
        self.short.restored()
        self.hooks.restore(checkpoint.averages, state.get("hooks", {}))
        self.world.restore_random(state, self.samples.device, checkpoint.step)
        self.at = Position(
            step=checkpoint.step,
            epoch=state["epoch"],
            taken=state["taken"],
            loss=state["loss"],
            seen=state["seen"],
            seconds=state["seconds"],
        )
        self._pending.clear()
        self._outputs = None
        self.finished = state["finished"]
        self.figures = {k: math.nan if v is None else v for k, v in state["figures"].items()}
        if self.watch is not None and state["best"]:
            self.watch.restore(state["best"])
        self.records.size = state["metrics_bytes"]
        self.saved = checkpoint.step

    def cut_metrics(self) -> None:
        """Removes the records after the position: those steps will be done again."""
        self.records.cut()

    def _refuse_non_finite(self, model: Mapping[str, torch.Tensor]) -> None:
        """A finite loss can leave weights that are not; they must not replace good ones."""
        bad = not_finite_in(model)
        if bad is not None:
            message = f"`{bad}` holds values that are not finite"
            if self.rollback is not None:
                raise Lost(self.at.step, message)
            raise not_finite(self.folder, self.at.step, message)
