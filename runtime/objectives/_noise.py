"""Words drawn by a power of their frequency, in constant time each.

Source: Walker, "An efficient method for generating discrete random variables with general
distributions" (1977); the tables are built as by Vose (1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.objectives import _words as random
from dlc.runtime.seeding import stream

Floats = npt.NDArray[np.float64]


def alias_table(weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The share of each place that it keeps, and the one that gets the rest."""
    share = weights * (len(weights) / weights.sum())
    kept: Floats = np.ones(len(weights))
    alias = np.arange(len(weights), dtype=np.int64)
    small = np.flatnonzero(share < 1.0).tolist()
    large = np.flatnonzero(share >= 1.0).tolist()
    left = share.tolist()
    while small and large:
        poor, rich = small.pop(), large[-1]
        kept[poor], alias[poor] = left[poor], rich
        left[rich] -= 1.0 - left[poor]
        if left[rich] < 1.0:
            small.append(large.pop())
    return kept, alias


@dataclass(frozen=True, kw_only=True)
class Noise:
    """A distribution over words on a device. `ids` are the words, in the order of the table."""

    ids: torch.Tensor
    kept: torch.Tensor
    alias: torch.Tensor

    @classmethod
    def of(cls, counts: npt.NDArray[np.int64], power: float, device: torch.device) -> Noise:
        """Words by `power` of their counts; one that never occurs is never drawn."""
        ids = np.flatnonzero(counts)
        kept, alias = alias_table(counts[ids].astype(np.float64) ** power)
        return cls(
            ids=torch.from_numpy(ids).to(device),
            kept=torch.from_numpy(kept.astype(np.float32)).to(device),
            alias=torch.from_numpy(alias).to(device),
        )

    def draw(self, word: torch.Tensor) -> torch.Tensor:
        """A word for each random word of 64 bits."""
        place = random.below(word, len(self.ids))
        place = torch.where(random.unit(word) < self.kept[place], place, self.alias[place])
        return self.ids[place]

    def draw_others(self, key: int, first: int, true: torch.Tensor, count: int) -> torch.Tensor:
        """`count` words for each of `true`, whose numbers begin with `first`. A draw of the true
        word itself is drawn once again."""
        numbers = torch.arange(count * len(true), device=true.device) + count * first
        drawn = self.draw(random.words(key, numbers)).view(len(true), count)
        again = (drawn == true.unsqueeze(1)).view(-1).nonzero().squeeze(1)
        other = self.draw(random.words(stream(key, "again"), numbers[again]))
        drawn.view(-1)[again] = other
        return drawn
