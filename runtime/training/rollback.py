"""`train.on_nan: rollback`: back to the last checkpoint, and on without the batch.

A loss that is not finite may be the doing of a step before it, whose gradients were not. So the
steps since the checkpoint are made again under a guard, which undoes the step of whatever batch
is bad, and stays until the run is past the place at which it was lost. From there on steps cost
what they cost before. The weights are those of `on_nan: skip`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlc.runtime.training.checkpoint import Checkpoint
from dlc.runtime.training.early_stopping import watch_of
from dlc.runtime.training.guard import Guard
from dlc.runtime.training.left_out import not_finite
from dlc.runtime.training.run_folder import RUN

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer


_KEPT = "rollbacks"


class Lost(Exception):
    """The run has no good weights any more; `step` is the one that showed it."""

    def __init__(self, step: int, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.message = message


class Rollback:
    """Takes a trainer back. Raises `Failure` E0609 after more than `max_skips` times, counted
    over all sessions of the run."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        #: Not of a checkpoint: going back to one must not take back that it was done, nor may a
        #: run that is killed and gone on with go back for ever.
        kept = trainer.folder.record.get(_KEPT, {})
        self._times = int(kept.get("times", 0))
        self._until = int(kept.get("until", 0))

    def begin(self) -> None:
        """Before the first step of a session: there must be something to go back to."""
        if self._trainer.at.step == 0:
            self._trainer.save()
        if self._trainer.at.step < self._until:
            self._guard()

    def look(self) -> None:
        """Before a step: ends the watch that is no longer needed."""
        step = self._trainer.step
        if step.guard is not None and self._trainer.at.step >= self._until:
            step.guard = None

    def guarded(self, step: int) -> bool:
        """Whether step number `step`, counted from 1, was made under a guard."""
        return step <= self._until

    def back(self, lost: Lost) -> None:
        """To the newest checkpoint."""
        trainer = self._trainer
        self._times += 1
        self._until = max(self._until, lost.step)
        trainer.world.together(self._keep)
        if self._times > trainer.plan.settings.train.max_skips:
            raise not_finite(trainer.folder, lost.step, lost.message)
        checkpoint = trainer.world.together(self._newest)
        trainer.progress.say(
            f"{lost.message}; back to step {checkpoint.step:,}, to leave its batch out"
        )
        if trainer.watch is not None:
            # A checkpoint from before the first validation knows of no best one.
            trainer.watch = watch_of(trainer.plan)
        trainer.restore(checkpoint)
        trainer.cut_metrics()
        self._guard()
        for hook in trainer.hooks.all:
            hook.began(trainer)

    def _guard(self) -> None:
        trainer = self._trainer
        trainer.step.guard = Guard(trainer.model, trainer.optimizer, trainer.world)

    def _keep(self) -> None:
        """Writes down how often the run went back, and until where it is watched."""
        folder = self._trainer.folder
        folder.record[_KEPT] = {"times": self._times, "until": self._until}
        folder.write_json(RUN, folder.record)

    def _newest(self) -> Checkpoint:
        found = self._trainer.folder.checkpoints.load_newest(lambda problem: None)
        assert found is not None  # one was saved before the first step
        return found
