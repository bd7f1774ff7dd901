"""An exponential moving average of the weights."""

from __future__ import annotations

from torch.optim.swa_utils import get_ema_multi_avg_fn

from dlc.compiler.components.averages.ema import Ema
from dlc.runtime.training.averages.base import Pair, WeightAverage, copied, groups
from dlc.runtime.training.trainer import Trainer


class EmaHook(WeightAverage):
    """Updates the average after every step, as `torch.optim.swa_utils.AveragedModel` does with
    `get_ema_multi_avg_fn` and `use_buffers`; but the first weights of the average are those
    before the first step."""

    def __init__(self, average: Ema) -> None:
        super().__init__()
        self.average = average
        self._floats: list[Pair] = []
        self._others: Pair = ([], [])

    def began(self, trainer: Trainer) -> None:
        super().began(trainer)
        if not self.weights:
            self.weights = copied(self.own)
        self._floats, self._others = groups(self.weights, self.own)

    def after_step(self, step: int) -> None:
        decay = self.average.decay_at(step - 1)
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        for pair in self._floats:
            update(*pair, None)
        for mean, value in zip(*self._others, strict=True):
            mean.copy_(value)
        self.averaged = step
