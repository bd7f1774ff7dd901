"""TensorBoard's event files, in the folder `tensorboard` of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch.utils.tensorboard import SummaryWriter

from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.trackers.base import Tracker

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Writes event files; `tensorboard --logdir runs` shows all runs below it."""

    name: ClassVar[str] = "tensorboard"

    def open(self, run: RunFolder, step: int, before: Mapping[str, Any]) -> dict[str, Any]:
        # Steps that are done again after a resume replace those of before.
        purge = step + 1 if before else None
        self.writer = SummaryWriter(str(run.path / FOLDER), purge_step=purge)
        if not before:
            self.writer.add_text("spec", _fenced(run.spec()))
            self.writer.add_text("resolved spec", _fenced(run.resolved()))
        return {"folder": FOLDER}

    def log(self, figures: Mapping[str, float], step: int) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)

    def end(self, *, finished: bool) -> None:
        self.writer.close()


def _fenced(text: str) -> str:
    return f"```\n{text.rstrip()}\n```"
