"""The mean of the weights over the last part of training."""

from __future__ import annotations

from dlc.compiler.components.averages.swa import Swa
from dlc.runtime.training.averages.base import WeightAverage, copied, mean_into


class SwaHook(WeightAverage):
    """Takes the weights into the mean at the ends of stretches, late in the run."""

    def __init__(self, average: Swa) -> None:
        super().__init__()
        self.average = average

    def after_step(self, step: int) -> None:
        trainer = self.trainer
        assert trainer is not None
        total = trainer.total
        every = self.average.every.in_steps(trainer.epochs.steps)
        if step <= self.average.start * total or (step % every and step != total):
            return
        if self.weights:
            mean_into(self.weights, self.own, self.averaged)
        else:
            self.weights = copied(self.own)
        self.averaged += 1
        self.changed()
