"""Weights & Biases, by its own library."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

import wandb

from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.trackers.base import Tracker, settings_of


class WeightsAndBiases(Tracker):
    """Logs to the project of `WANDB_PROJECT` (`dlc` where it is not set). With
    `WANDB_MODE=offline` the run stays in the run folder, for `wandb sync`."""

    name: ClassVar[str] = "wandb"

    def open(self, run: RunFolder, step: int, before: Mapping[str, Any]) -> dict[str, Any]:
        known = before.get("id")
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "dlc"),
            name=f"{run.record['name']} {run.path.name}",
            id=known,
            resume="allow" if known else None,
            dir=run.path,
            config=None if known else settings_of(run),
            settings=wandb.Settings(silent=True),
        )
        # Its own counter only goes up; a resumed run may do some steps again.
        self.run.define_metric("*", step_metric="step")
        return {"id": self.run.id}

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self.run.log({**figures, "step": step})

    def end(self, *, finished: bool) -> None:
        self.run.finish(exit_code=0 if finished else 1)
