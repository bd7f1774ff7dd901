"""What a run does where the memory holds fewer samples at once than a batch has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlc.runtime.failures import Failure, failure
from dlc.runtime.training.run_folder import RUN

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer


class ShortMemory:
    """Follows a step that computes fewer samples at once from here on.

    Sums over other parts of a batch are rounded in another way, and batch norm's statistics are
    those of the parts. A run that went back behind the step where that began would have to begin
    it there again; so a checkpoint is saved right after that step, which keeps the number, and
    only then is it written down for the run. Until then nothing has changed.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        #: Whether a checkpoint is due because of it.
        self.pending = False

    def fewer(self, size: int) -> None:
        """From here on `size` samples are computed at once."""
        trainer = self._trainer
        trainer.choices = replace(trainer.choices, micro_batch=size)
        self.pending = True
        text = f"memory is short: {size:,} samples are computed at once from here on"
        if trainer.plan.batch_statistics:
            text += ", and batch norm takes its statistics over so many"
        trainer.progress.say(text)

    def saved(self) -> None:
        """After a checkpoint."""
        self.pending = False
        folder, size = self._trainer.folder, self._trainer.choices.micro_batch
        # A session may have ended between the checkpoint and this.
        if self._trainer.step.shortened and folder.record["choices"].get("micro_batch") != size:
            folder.record["choices"] |= {"micro_batch": size}
            folder.write_json(RUN, folder.record)

    def restored(self) -> None:
        """After the step took back what a checkpoint kept of it."""
        self.pending = False
        trainer = self._trainer
        trainer.choices = replace(trainer.choices, micro_batch=trainer.step.micro_batch)

    def refusal(self) -> Failure:
        """Of a memory that holds no two samples, or not what the optimizer keeps."""
        size, device = self._trainer.epochs.batch_size, self._trainer.samples.device
        return failure(
            "E0615",
            f"the memory of `{device}` does not hold a batch of {size:,} samples",
            help=f"set `data.batch_size` to {max(size // 2, 1)} and `train.accumulate` to 2: "
            "a step is then the same",
        )
